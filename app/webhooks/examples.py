"""The example bodies and responses of webhooks. The demo has this webhook, disabled because its host does not exist."""

from typing import Final

from app.openapi import Example

WEBHOOK_ID: Final = "019aa2c4-7b00-7000-8000-00000000eb0c"
_URL: Final = "https://linden-house.example/afterglow/changes"
DRAFT: Final[Example] = {"url": _URL}
PATCH: Final[Example] = {"status": "disabled"}
WEBHOOK: Final[Example] = {
    "id": WEBHOOK_ID,
    "url": _URL,
    "status": "disabled",
    "delivered_at": None,
    "failing_since": None,
    "last_error": None,
    "created_at": "2026-11-22T18:40:12.504118Z",
}
WEBHOOKS: Final[Example] = {"items": [WEBHOOK]}
WEBHOOK_WITH_SECRET: Final[Example] = {
    **WEBHOOK,
    "status": "active",
    "secret": "whsec_ZXhhbXBsZSBvZiBhIHNlY3JldCwgMzIgYnl0ZXMhISE=",
}
CHANGED_WEBHOOK: Final[Example] = {**WEBHOOK, "secret": None}
