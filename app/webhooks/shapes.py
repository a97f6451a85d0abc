"""The request and response bodies of webhooks."""

from typing import Annotated

from pydantic import MISSING, BaseModel, Field

from app.clinics.tables import WebhookStatus
from app.clock import Instant
from app.consents.shapes import Shape
from app.db import Row
from app.ids import Id
from app.openapi import example
from app.outbound.target import MAX_URL
from app.webhooks import examples


class WebhookDraft(Shape, json_schema_extra=example(examples.DRAFT)):
    """A new webhook."""

    url: Annotated[str, Field(min_length=1, max_length=MAX_URL)] = Field(
        description="The URL that gets messages: https, port 443 or at least 1024, no user name, no fragment, and a host with "
        "public IP addresses only."
    )


class WebhookPatch(Shape, json_schema_extra=example(examples.PATCH)):
    """A new status of a webhook, or a request for a new secret."""

    status: Annotated[
        WebhookStatus | MISSING,
        Field(description="`disabled` stops the messages. `active` resumes them, at once if there are changes."),
    ] = MISSING
    rotate_secret: Annotated[
        Annotated[bool, Field(strict=True)] | MISSING,
        Field(description="If true, create a new secret. For 24 hours, messages are signed with both secrets."),
    ] = MISSING


class Webhook(BaseModel, defer_build=True, json_schema_extra=example(examples.WEBHOOK)):
    """A webhook: a URL that gets messages about changes for the clinic."""

    id: Id = Field(description="The webhook's id.")
    url: str = Field(description="The URL that gets messages.")
    status: WebhookStatus = Field(
        description="Whether messages are delivered. You may change it at any time.",
        json_schema_extra={"x-transitions": {"active": ["disabled"], "disabled": ["active"]}},
    )
    delivered_at: Instant | None = Field(description="When a message was last delivered.")
    failing_since: Instant | None = Field(
        description="When the attempts began to fail; null if the latest attempt did not fail."
    )
    last_error: str | None = Field(description="Why the latest attempt failed; null if it did not fail.")
    created_at: Instant = Field(description="When the webhook was created.")


class WebhookWithSecret(Webhook, defer_build=True, json_schema_extra=example(examples.WEBHOOK_WITH_SECRET)):
    """A new webhook with its secret."""

    secret: str = Field(description="The key that signs the messages. It is returned only here: store it.")


class ChangedWebhook(Webhook, defer_build=True, json_schema_extra=example(examples.CHANGED_WEBHOOK)):
    """A webhook after a change, with its new secret if one was created."""

    secret: str | None = Field(description="The new secret, which is returned only here; null if none was created.")


class WebhookList(BaseModel, defer_build=True, json_schema_extra=example(examples.WEBHOOKS)):
    """The webhooks of a clinic, newest first."""

    items: list[Webhook] = Field(description="The webhooks.")


def public_webhook(row: Row) -> Row:
    """Return the members of a webhook's row that the API returns to the clinic. The secret is not among them."""
    return {name: row[name] for name in Webhook.model_fields}
