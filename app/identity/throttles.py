"""Throttles: how often somebody may be wrong, counted in the database, so for all workers together.

An attempt takes its place before a password is looked at: however many arrive at once, on however many workers, no more
than the limit are ever checked. A right one gives its place back. Accounts are counted by an HMAC of the address, known
and unknown alike; clients by their network, /32 of IPv4 and /64 of IPv6. A device that has signed in to the account
before is counted by itself, so that nobody's wrong tries can lock its owner out; and what is mailed is counted apart
from passwords, so that a mailed code stays the way in for an owner without such a device.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends
from starlette.requests import Request

from app import clock
from app.db import Statement, Transaction, bind
from app.identity.services import Services
from app.identity.tables import Throttle
from app.problems import TooManyAttempts, Unavailable, WrongCredentials

DAY: Final = 86_400
_throttle = Throttle.table()
_this = _throttle.c.key == bind(_throttle.c.key)
_EXPIRED: Final = bind(_throttle.c.began_at, "expired")
_TAKE: Final = Statement(
    sa.text(
        "INSERT INTO throttle (key, began_at, count) VALUES (:key, :now, 1) ON CONFLICT (key) DO UPDATE SET"
        " count = CASE WHEN throttle.began_at <= :expired THEN 1 ELSE throttle.count + 1 END,"
        " began_at = CASE WHEN throttle.began_at <= :expired THEN :now ELSE throttle.began_at END"
        " RETURNING count, began_at"
    )
    .bindparams(bind(_throttle.c.key), bind(_throttle.c.began_at, "now"), _EXPIRED)
    .columns(_throttle.c.count, _throttle.c.began_at)
)
_GIVE_BACK: Final = Statement(
    sa.update(_throttle)
    .where(_this, _throttle.c.began_at == bind(_throttle.c.began_at), _throttle.c.count > 0)
    .values(count=_throttle.c.count - 1)
)
_LOOK: Final = Statement(
    sa.select(_throttle.c.count, _throttle.c.began_at).where(_this, _throttle.c.began_at > _EXPIRED)
)
_CLEAR: Final = Statement(sa.delete(_throttle).where(_this))
_old = sa.select(_throttle.c.key).where(_throttle.c.began_at <= _EXPIRED).with_for_update(skip_locked=True)
_FORGET_OLD: Final = Statement(sa.delete(_throttle).where(_throttle.c.key.in_(_old)))
"""Waits for nobody: what another attempt holds is not old any more."""


class AttemptKind(StrEnum):
    """What may be guessed of an account, each counted apart."""

    PASSWORD = "password"  # noqa: S105 - its name
    REGISTRATION = "registration code"
    RESET = "reset code"


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is counted, how often it may be wrong, and in how many seconds."""

    key: bytes
    most: int
    seconds: int


def of_account(services: Services, email_key: str, guess: AttemptKind) -> list[Bucket]:
    """Return the buckets of an account, whether or not there is one."""
    return _short_and_daily(services, f"account, {guess}", email_key)


def of_device(services: Services, device_id: UUID) -> list[Bucket]:
    """Return the buckets of a device that has signed in to the account before."""
    return _short_and_daily(services, "device", str(device_id))


def _short_and_daily(services: Services, kind: str, value: str) -> list[Bucket]:
    settings = services.settings
    return [
        Bucket(_key(services, kind, value), settings.throttle_account, settings.throttle_account_seconds),
        Bucket(_key(services, f"{kind} by day", value), settings.throttle_account_day, DAY),
    ]


def of_client(services: Services, network: str) -> list[Bucket]:
    """Return the bucket of a client's network."""
    return [Bucket(_key(services, "client", network), services.settings.throttle_client, 60)]


@asynccontextmanager
async def rate_limited(services: Services, *buckets: list[Bucket]) -> AsyncIterator[None]:
    """Take a place in every bucket, or raise `TooManyAttempts`; keep them only where the block was wrong."""
    taken = await _take(services, _in_order(*buckets))
    wrong = False
    try:
        yield
    except WrongCredentials:
        wrong = True
        raise
    finally:
        if not wrong:
            with suppress(Unavailable):  # a right try is right, even where its place stays taken
                async with services.db.transaction() as tx:
                    await tx.many(_GIVE_BACK, taken)


@asynccontextmanager
async def count_failures(services: Services, buckets: list[Bucket]) -> AsyncIterator[None]:
    """Raise `TooManyAttempts` where there were too many wrong tries; count another only where the block was wrong."""
    now = clock.now()
    for bucket in buckets:
        row = await services.db.one(_LOOK, key=bucket.key, expired=now - timedelta(seconds=bucket.seconds))
        if row is not None and row["count"] >= bucket.most:
            raise TooManyAttempts(_seconds_left(row["began_at"], bucket, now))
    try:
        yield
    except WrongCredentials:
        await _take(services, buckets)
        raise


async def _take(services: Services, buckets: Sequence[Bucket]) -> list[dict[str, object]]:
    now = clock.now()
    taken: list[dict[str, object]] = []
    async with services.db.transaction() as tx:
        for bucket in buckets:
            row = await tx.only(_TAKE, key=bucket.key, now=now, expired=now - timedelta(seconds=bucket.seconds))
            if row["count"] > bucket.most:
                raise TooManyAttempts(_seconds_left(row["began_at"], bucket, now))
            taken.append({"key": bucket.key, "began_at": row["began_at"]})
        await tx.run(_FORGET_OLD, expired=now - timedelta(seconds=DAY))
    return taken


async def serialize(tx: Transaction, services: Services, kind: str, value: str) -> None:
    """Let nobody else count the same thing until the transaction ends."""
    now = clock.now()
    await tx.only(_TAKE, key=_key(services, kind, value), now=now, expired=now)


async def clear(tx: Transaction, *buckets: list[Bucket]) -> None:
    """Forget the wrong tries of these buckets."""
    await tx.many(_CLEAR, [{"key": bucket.key} for bucket in _in_order(*buckets)])


def _in_order(*buckets: list[Bucket]) -> list[Bucket]:
    """Return the buckets in the one order in which everybody locks them, so that no two ever wait for each other."""
    return sorted((each for some in buckets for each in some), key=lambda bucket: bucket.key)


def _seconds_left(began_at: datetime, bucket: Bucket, now: datetime) -> int:
    return max(1, bucket.seconds - int((now - began_at).total_seconds()))


def _key(services: Services, kind: str, value: str) -> bytes:
    return hmac.digest(services.throttle_key, f"{kind}:{value}".encode(), hashlib.sha256)


async def network_of(request: Request) -> str:
    """Return the network that a request comes from."""
    client = request.client
    try:
        address = ip_address("" if client is None else client.host)
    except ValueError:
        return "local"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)


Network = Annotated[str, Depends(network_of)]
