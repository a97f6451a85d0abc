"""The e-mails about a consent. The owner gets one for the start of a consent, and then for each change and the end."""

from typing import Final

from app.clinics.consent_tables import EndedBy
from app.mail import Email

_BY: Final = {
    EndedBy.PATIENT: "It was ended in the app.",
    EndedBy.CLINIC: "The clinic ended it.",
    EndedBy.EXPIRY: "It has expired.",
    EndedBy.OPERATOR: "The operator of the Afterglow server ended it.",
    EndedBy.RESTORE: (
        "The Afterglow server was restored from a backup, and every consent was ended to be safe. To continue, consent again."
    ),
}


def consent_started(to: str, clinic: str) -> Email:
    """Return the e-mail about a consent that is now active."""
    text = (
        f"Your consent for {clinic} is now active. The app shows what it allows, and every access of the clinic.\n"
        "You can change or end it in the app at any time. If you did not agree to this, end it now, and change your password."
    )
    return Email(to, "Your consent for a clinic is active", text)


def consent_changed(to: str, clinic: str) -> Email:
    """Return the e-mail about a consent whose terms were changed."""
    text = (
        f"The terms of your consent for {clinic} were changed in the app.\n"
        "If this was not you, end the consent in the app now, and change your password."
    )
    return Email(to, "Your consent for a clinic was changed", text)


def consent_ended(to: str, clinic: str, by: EndedBy) -> Email:
    """Return the e-mail about a consent that has ended."""
    text = f"Your consent for {clinic} has ended. {_BY[by]}\nThe clinic can no longer see your records."
    return Email(to, "Your consent for a clinic has ended", text)
