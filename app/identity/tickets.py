"""Tickets: a right password gets a ticket if the account needs a second factor. The client sends it back with a code.

A ticket is encrypted and is not stored on the server. It expires after five minutes, or when the account's password
changes.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, NoReturn
from uuid import UUID

import orjson

from app import clock
from app.db import Row
from app.identity import audit
from app.identity.audit import Event
from app.identity.second_factor import Needed
from app.problems import SecondFactorRequired, WrongCredentials
from app.sealing import Cipher, UnreadableError
from app.services import Services

SECONDS: Final = 300
_BOUND_TO: Final = b"second-factor ticket"


@dataclass(frozen=True, slots=True)
class Ticket:
    """The content of a ticket: a sign-in that still needs the second factor.

    `device_id` is the device on which the client was signed in before, or None for a new device. `tag` identifies the
    password hash that was checked (`tag_of`). If `setup` is true, the account has to set up its second factor first.
    `expires` is in seconds since 1970.
    """

    account_id: UUID
    device_id: UUID | None
    device_name: str | None
    tag: str
    setup: bool
    expires: int


def require_code(
    services: Services,
    network: str,
    account: Row,
    needs: Needed,
    *,
    device_id: UUID | None = None,
    device_name: str | None = None,
) -> NoReturn:
    """Record an audit event, and raise `SecondFactorRequired` with a ticket for the account.

    `account` is a row with the members `id` and `password_hash`. The ticket contains `device_id` and `device_name`.
    """
    audit.record(services, Event.SECOND_FACTOR_REQUIRED, account["id"], network)
    content = {
        "account_id": str(account["id"]),
        "device_id": None if device_id is None else str(device_id),
        "device_name": device_name,
        "tag": tag_of(services, account["password_hash"]),
        "setup": needs.setup,
        "expires": int(clock.now().timestamp()) + SECONDS,
    }
    sealed = Cipher(services.ticket_key).encrypt(orjson.dumps(content), _BOUND_TO)
    raise SecondFactorRequired(base64.urlsafe_b64encode(sealed).decode().rstrip("="), SECONDS, setup=needs.setup)


def read_ticket(services: Services, text: str) -> Ticket:
    """Decrypt a ticket and return its content; raise `WrongCredentials` if the ticket is not valid or has expired."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        content = orjson.loads(Cipher(services.ticket_key).decrypt(sealed, _BOUND_TO))
    except (ValueError, UnreadableError):
        raise WrongCredentials from None
    if content["expires"] <= clock.now().timestamp():
        raise WrongCredentials
    device_id = content["device_id"]
    ids = {"account_id": UUID(content["account_id"]), "device_id": None if device_id is None else UUID(device_id)}
    return Ticket(**content | ids)


def tag_of(services: Services, password_hash: str) -> str:
    """Return the tag of a password hash. If a ticket contains another tag, the password was changed after its issue."""
    return hmac.digest(services.ticket_key, f"tag:{password_hash}".encode(), hashlib.sha256).hex()[:32]
