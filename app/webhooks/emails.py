"""The e-mail about a webhook that was disabled."""

from uuid import UUID

from app.mail import Email


def webhook_disabled(to: str, clinic: str, id: UUID, reason: str) -> Email:
    """Return the e-mail to a clinic's contact about a webhook that was disabled because it failed."""
    text = (
        f"A webhook of {clinic} was disabled, because messages could not be delivered to it.\n"
        f"Webhook: {id}\nThe latest error: {reason}\n"
        "No change is lost: pulls still return everything. To receive messages again, correct the receiver, and set the "
        "status of the webhook to active."
    )
    return Email(to, "A webhook was disabled", text)
