"""Device sessions: refresh-token rotation. A device has a chain of refresh tokens; only the newest is valid, and once.

A refresh token is 256 random bits, stored as its SHA-256. Its successor is derived from the token and a key of the
server. So a device that lost a response can repeat the request and gets the same successor, although no token is stored
in clear. The device can repeat the request for one minute, but not after it has used the successor or an access token
that was issued with the successor. The use of any other old token signs the device out, because two parties have the
token.

After a repeated response, a device normally uses the new access token first. If the successor is used to refresh before
that, two parties may be refreshing in turn: then the response to this refresh cannot be repeated (decision 072).
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import clock
from app.db import Database, Row, Transaction
from app.identity import audit
from app.identity import device_session_statements as statements
from app.identity.accounts import public_account
from app.identity.audit import Event
from app.identity.notices import notify
from app.identity.second_factor import needed
from app.ids import new_id
from app.problems import WrongCredentials
from app.services import TAG_BYTES, Services
from app.settings import Notice, Settings


async def sign_in(services: Services, account_id: UUID, device_name: str | None) -> dict[str, Any]:
    """Create a device, and return the response with its first tokens."""
    async with services.db.transaction() as tx:
        device = await create_device(services, tx, account_id, device_name)
    return await tokens_of(services, account_id, *device)


async def create_device(
    services: Services, tx: Transaction, account_id: UUID, device_name: str | None
) -> tuple[UUID, str]:
    """Create a device, and return its id and its first refresh token.

    If the account has reached its quota of devices, sign out the least recently used one, and record an audit event.
    """
    now, device_id, token = clock.now(), new_id(), _encode(secrets.token_bytes(32))
    live = {"account_id": account_id, **statements.live_since(services.settings)}
    for ended in await tx.all(
        statements.END_LEAST_USED, kept=services.settings.quota_devices - 1, ended_at=now, **live
    ):
        audit.record(services, Event.DEVICE_ENDED, account_id, device_id=ended["id"], made_room=True)
    await tx.run(
        statements.INSERT_DEVICE,
        id=device_id,
        account_id=account_id,
        name=device_name,
        created_at=now,
        last_used_at=now,
        ended_at=None,
        unused=None,
        repeated=False,
    )
    await tx.run(statements.INSERT_TOKEN, digest=_digest(token), device_id=device_id, superseded_at=None)
    return device_id, token


async def refresh(services: Services, network: str, token: str) -> dict[str, Any]:
    """Return the response with a device's next tokens; raise `WrongCredentials` if the refresh token is not valid.

    If the token was replaced and its response cannot be repeated, the token may have been copied: then also sign the
    device out, queue a notice to the owner, and record an audit event.
    """
    successor = _encode(hmac.digest(services.refresh_key, token.encode(), hashlib.sha256))
    async with services.db.transaction() as tx:
        found = await _lock_token(tx, token)
        if found is None or not _alive(services, found, clock.now()):
            raise WrongCredentials
        if found["superseded_at"] is None:
            is_copied = False
            await _supersede(tx, services, found, token, successor)
        else:
            is_copied = not await _can_repeat(tx, services, found, successor)
            if is_copied:
                await tx.run(statements.END_DEVICE, id=found["device_id"], ended_at=clock.now())
                await notify(tx, services, found["account_id"], Notice.COPIED_SIGN_IN)
            else:
                await tx.run(statements.REPEAT, id=found["device_id"])
    if is_copied:
        services.jobs.wake()
        audit.record(services, Event.REFRESH_TOKEN_REUSED, found["account_id"], network, device_id=found["device_id"])
        raise WrongCredentials
    return await tokens_of(services, found["account_id"], found["device_id"], successor)


async def _supersede(tx: Transaction, services: Services, found: Row, token: str, successor: str) -> None:
    """Replace the newest refresh token of a device by its successor, and store the time of this use of the device."""
    now, device_id = clock.now(), found["device_id"]
    is_doubtful = found["repeated"] and found["unused"] == _tag(services, token)
    unused = None if is_doubtful else _tag(services, successor)
    await tx.run(statements.SUPERSEDE, digest=_digest(token), superseded_at=now)
    await tx.run(statements.INSERT_TOKEN, digest=_digest(successor), device_id=device_id, superseded_at=None)
    await tx.run(statements.REFRESH_DEVICE, id=device_id, last_used_at=now, unused=unused, repeated=False)


async def _can_repeat(tx: Transaction, services: Services, found: Row, successor: str) -> bool:
    """Return whether a superseded refresh token gets the same response again.

    This is so if the token was superseded at most `refresh_grace_seconds` ago, and the device has used neither of the
    two tokens in that response.
    """
    grace = timedelta(seconds=services.settings.refresh_grace_seconds)
    is_newest = await tx.one(statements.FIND_UNUSED, digest=_digest(successor)) is not None
    is_unused = found["unused"] == _tag(services, successor)
    return bool(is_newest and is_unused and clock.now() - found["superseded_at"] <= grace)


async def _lock_token(tx: Transaction, token: str) -> Row | None:
    """Lock the device of a refresh token, and return the row of the token and its device, read after the lock.

    Return None if the token is unknown, or its device is signed out, or the account is closed.
    """
    found = await tx.one(statements.FIND, digest=_digest(token))
    if found is not None:
        await tx.one(statements.LOCK, id=found["device_id"])
        found = await tx.one(statements.FIND, digest=_digest(token))
    return found


async def end_device(db: Database, account_id: UUID, device_id: UUID) -> bool:
    """Sign out one device of the account; return whether the device was signed in until now."""
    async with db.transaction() as tx:
        ended = await tx.one(statements.END_OWN_DEVICE, id=device_id, account_id=account_id, ended_at=clock.now())
    return ended is not None


async def end_devices(tx: Transaction, account_id: UUID, kept: UUID | None = None) -> None:
    """Sign out every device of the account, except `kept`."""
    await tx.run(statements.END_DEVICES, account_id=account_id, ended_at=clock.now(), kept=kept)


async def end_every_device(tx: Transaction, account_ids: Sequence[UUID]) -> None:
    """Sign out every device of these accounts."""
    now = clock.now()
    await tx.many(statements.END_DEVICES, [{"account_id": id, "ended_at": now, "kept": None} for id in account_ids])


async def device_that_held(services: Services, token: str | None, email_key: str) -> UUID | None:
    """Return the id of the device that a refresh token belongs to, even if the device has been signed out.

    Return None if `token` is None, or is not a token of the account with the normalized e-mail address `email_key`.
    """
    if token is None:
        return None
    row = await services.db.one(statements.FIND_DEVICE_OF_TOKEN, digest=_digest(token), email_key=email_key)
    return None if row is None else row["id"]


async def signed_in_devices(db: Database, settings: Settings, account_id: UUID) -> list[Row]:
    """Return the devices of an account that are signed in, newest first."""
    return await db.all(statements.SIGNED_IN, account_id=account_id, **statements.live_since(settings))


def _alive(services: Services, found: Row, now: datetime) -> bool:
    idle = (now - found["last_used_at"]).total_seconds()
    age = (now - found["created_at"]).total_seconds()
    is_recent = idle < services.settings.refresh_idle_seconds and age < services.settings.refresh_total_seconds
    return bool(is_recent and not needed(services.settings, found).setup)


async def tokens_of(services: Services, account_id: UUID, device_id: UUID, token: str) -> dict[str, Any]:
    """Return the response with a device's refresh token, a new access token and the account."""
    account = await public_account(services.db, account_id)
    return {
        "access_token": services.tokens.issue(account_id, device_id, account["role"], _tag(services, token)),
        "token_type": "Bearer",
        "expires_in": services.settings.access_seconds,
        "refresh_token": token,
        "account": account,
    }


def _tag(services: Services, token: str) -> bytes:
    """Return the tag of a refresh token: eight bytes in each access token that was issued with this refresh token."""
    return hmac.digest(services.refresh_key, f"tag:{token}".encode(), hashlib.sha256)[:TAG_BYTES]


def _encode(token: bytes) -> str:
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
