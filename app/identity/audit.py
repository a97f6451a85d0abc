"""Audit: one log line for each security event of an account (OWASP ASVS 16, HIPAA 164.312(b)).

A line has the account's id and a keyed hash of the network that the request came from, but no e-mail address and no IP
address. `.github/SECURITY.md` lists the events and their fields.
"""

import hashlib
import hmac
from enum import StrEnum
from typing import Final
from uuid import UUID

from app import observability
from app.services import Services

_DIGITS: Final = 16


class Event(StrEnum):
    """The name of an audit event that a server logs. `app.cli.auditing` logs the commands of an operator."""

    REGISTERED = "registered"
    SIGNED_IN = "signed-in"
    ATTEMPT_FAILED = "attempt-failed"
    THROTTLED = "throttled"
    REFRESH_TOKEN_REUSED = "refresh-token-reused"  # noqa: S105 - the event's name
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - the event's name
    EMAIL_CHANGE_REQUESTED = "email-change-requested"
    EMAIL_CHANGED = "email-changed"
    DEVICE_ENDED = "device-ended"
    DEVICES_ENDED = "devices-ended"
    ACCOUNT_CLOSED = "account-closed"
    ACCOUNT_REOPENED = "account-reopened"
    SECOND_FACTOR_REQUIRED = "second-factor-required"
    SECOND_FACTOR_ON = "second-factor-on"
    SECOND_FACTOR_OFF = "second-factor-off"
    RECOVERY_CODE_USED = "recovery-code-used"
    EXPORTED = "exported"
    CALENDAR_LINK_CREATED = "calendar-link-created"
    CALENDAR_LINK_ENDED = "calendar-link-ended"


WARNINGS: Final = {Event.ATTEMPT_FAILED, Event.THROTTLED, Event.REFRESH_TOKEN_REUSED}


def record(
    services: Services, event: Event, account_id: UUID | None, network: str | None = None, **fields: object
) -> None:
    """Log an audit event.

    `account_id` is None if the account is not known, and `network` if the network of the request is not known.
    """
    level = "warning" if event in WARNINGS else "info"
    client = None if network is None else _digest(services, network)
    observability.log_audit(event, level, account_id=account_id, network=client, **fields)


def _digest(services: Services, network: str) -> str:
    return hmac.digest(services.throttle_key, f"audit:{network}".encode(), hashlib.sha256).hex()[:_DIGITS]
