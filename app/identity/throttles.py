"""Throttling: limits on failed attempts. They are counted in the database, and so for all workers together.

An attempt is counted before the password is checked, and subtracted again if it succeeds. So no more attempts than the
limit are ever checked, however many arrive at the same time. Attempts are counted by account (an HMAC of the e-mail
address, whether or not it is known) and by client network (/32 for IPv4, /64 for IPv6).

A device that has signed in to the account before has buckets of its own, so that another person's failures cannot lock the
owner out. Codes from e-mails are counted separately from passwords, so that an owner without such a device can still get
in with a code. Exports are counted in the same way, and subtracted again if they fail.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Sequence
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
from app.identity.tables import Throttle
from app.problems import Problem, TooManyAttempts, Unavailable, WrongCredentials
from app.services import Services

DAY: Final = 86_400
_throttle = Throttle.table()
_this = _throttle.c.key == bind(_throttle.c.key)
_EXPIRED: Final = bind(_throttle.c.began_at, "expired")
_ADD: Final = Statement(
    sa.text(
        "INSERT INTO throttle (key, began_at, count) VALUES (:key, :now, 1) ON CONFLICT (key) DO UPDATE SET"
        " count = CASE WHEN throttle.began_at <= :expired THEN 1 ELSE throttle.count + 1 END,"
        " began_at = CASE WHEN throttle.began_at <= :expired THEN :now ELSE throttle.began_at END"
        " RETURNING count, began_at"
    )
    .bindparams(bind(_throttle.c.key), bind(_throttle.c.began_at, "now"), _EXPIRED)
    .columns(_throttle.c.count, _throttle.c.began_at)
)
_SUBTRACT: Final = Statement(
    sa.update(_throttle)
    .where(_this, _throttle.c.began_at == bind(_throttle.c.began_at), _throttle.c.count > 0)
    .values(count=_throttle.c.count - 1)
)
_READ: Final = Statement(
    sa.select(_throttle.c.count, _throttle.c.began_at).where(_this, _throttle.c.began_at > _EXPIRED)
)
_RESET: Final = Statement(sa.delete(_throttle).where(_this))
_old = sa.select(_throttle.c.key).where(_throttle.c.began_at <= _EXPIRED).with_for_update(skip_locked=True)
_DELETE_OLD: Final = Statement(sa.delete(_throttle).where(_throttle.c.key.in_(_old)))
"""Skips locked rows: a row that another attempt has locked is not old any more."""


class AttemptKind(StrEnum):
    """What an attempt tries to guess. Each kind is counted separately."""

    PASSWORD = "password"  # noqa: S105 - its name
    REGISTRATION = "registration code"
    RESET = "reset code"
    EMAIL = "e-mail change code"
    REOPENING = "reopening code"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A counter of failures: its key, its limit, and the length in seconds of the period in which failures are counted."""

    key: bytes
    limit: int
    seconds: int


def of_account(services: Services, name: str, kind: AttemptKind) -> list[Bucket]:
    """Return the buckets of an account, by the key of its e-mail address or by its id. The account need not exist."""
    return _short_and_daily(services, f"account, {kind}", name)


def of_device(services: Services, device_id: UUID) -> list[Bucket]:
    """Return the buckets of a device that has signed in to the account before."""
    return _short_and_daily(services, "device", str(device_id))


def _short_and_daily(services: Services, kind: str, value: str) -> list[Bucket]:
    settings = services.settings
    return [
        Bucket(_key(services.throttle_key, kind, value), settings.throttle_account, settings.throttle_account_seconds),
        Bucket(_key(services.throttle_key, f"{kind} by day", value), settings.throttle_account_day, DAY),
    ]


def of_client(services: Services, network: str) -> list[Bucket]:
    """Return the bucket of a client's network."""
    return [Bucket(_key(services.throttle_key, "client", network), services.settings.throttle_client, 60)]


def of_exports(services: Services, account_id: UUID) -> Bucket:
    """Return the bucket of an account's exports."""
    return Bucket(_key(services.throttle_key, "export", str(account_id)), services.settings.exports_a_day, DAY)


@asynccontextmanager
async def counted(services: Services, bucket: Bucket, refusal: Callable[[int], Problem]) -> AsyncIterator[None]:
    """Count a use in the bucket, or raise `refusal` with the seconds to wait; subtract it again if the block raises."""
    try:
        uses = await _count(services, [bucket])
    except TooManyAttempts as problem:
        raise refusal(problem.seconds) from None
    try:
        yield
    except BaseException:
        await _subtract(services, uses)
        raise


def of_assertions(services: Services, network: str) -> list[Bucket]:
    """Return the bucket of failed assertions from a network."""
    return [Bucket(_key(services.throttle_key, "assertions", network), services.settings.throttle_client, 60)]


def of_tokens(services: Services, client_id: UUID) -> Bucket:
    """Return the bucket of the access tokens of a clinic's client."""
    return Bucket(_key(services.throttle_key, "tokens", str(client_id)), services.settings.throttle_tokens, 60)


@asynccontextmanager
async def rate_limited(services: Services, *buckets: list[Bucket]) -> AsyncIterator[None]:
    """Count an attempt in every bucket, or raise `TooManyAttempts`; subtract it again unless the block raises `WrongCredentials`."""
    attempts = await _count(services, _sorted(*buckets))
    failed = False
    try:
        yield
    except WrongCredentials:
        failed = True
        raise
    finally:
        if not failed:
            await _subtract(services, attempts)


@asynccontextmanager
async def count_failures(
    services: Services, buckets: list[Bucket], failure: type[Exception] = WrongCredentials
) -> AsyncIterator[None]:
    """Raise `TooManyAttempts` after too many failures; count another if the block raises a `failure`."""
    now = clock.now()
    for bucket in buckets:
        row = await services.db.one(_READ, key=bucket.key, expired=now - timedelta(seconds=bucket.seconds))
        if row is not None and row["count"] >= bucket.limit:
            raise TooManyAttempts(_seconds_left(row["began_at"], bucket, now))
    try:
        yield
    except failure:
        await _count(services, buckets)
        raise


async def _count(services: Services, buckets: Sequence[Bucket]) -> list[dict[str, object]]:
    now = clock.now()
    async with services.db.transaction() as tx:
        counted: list[dict[str, object]] = [
            {"key": bucket.key, "began_at": await count(tx, bucket)} for bucket in buckets
        ]
        await tx.run(_DELETE_OLD, expired=now - timedelta(seconds=DAY))
    return counted


async def _subtract(services: Services, counted: list[dict[str, object]]) -> None:
    """Subtract what was counted. It stays counted if the database is unavailable."""
    with suppress(Unavailable):
        async with services.db.transaction() as tx:
            await tx.many(_SUBTRACT, counted)


async def count(tx: Transaction, bucket: Bucket) -> datetime:
    """Add one to a bucket; return when its period began, which is needed to subtract it again.

    Raise `TooManyAttempts` if the limit is exceeded. The caller must then roll back, so that it is not counted.
    """
    now = clock.now()
    row = await tx.only(_ADD, key=bucket.key, now=now, expired=now - timedelta(seconds=bucket.seconds))
    if row["count"] > bucket.limit:
        raise TooManyAttempts(_seconds_left(row["began_at"], bucket, now))
    began_at: datetime = row["began_at"]
    return began_at


async def serialize(tx: Transaction, throttle_key: bytes, kind: str, value: str) -> None:
    """Make transactions with the same kind and value wait for each other."""
    now = clock.now()
    await tx.only(_ADD, key=_key(throttle_key, kind, value), now=now, expired=now)


async def reset(tx: Transaction, *buckets: list[Bucket]) -> None:
    """Reset the failures of these buckets."""
    await tx.many(_RESET, [{"key": bucket.key} for bucket in _sorted(*buckets)])


async def erase(tx: Transaction, services: Services, names: Sequence[str], device_ids: Sequence[UUID]) -> None:
    """Delete the counters of an account, which are stored under these names, and of its devices."""
    kinds = [of_account(services, name, kind) for name in names for kind in AttemptKind]
    serialized = [_key(services.throttle_key, kind, name) for name in names for kind in ("codes", "e-mail address")]
    await reset(tx, *kinds, *(of_device(services, id) for id in device_ids), [Bucket(key, 0, 0) for key in serialized])


def _sorted(*buckets: list[Bucket]) -> list[Bucket]:
    """Return the buckets in the order in which every transaction locks them, so that two transactions cannot deadlock."""
    return sorted((each for some in buckets for each in some), key=lambda bucket: bucket.key)


def _seconds_left(began_at: datetime, bucket: Bucket, now: datetime) -> int:
    return max(1, bucket.seconds - int((now - began_at).total_seconds()))


def _key(throttle_key: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(throttle_key, f"{kind}:{value}".encode(), hashlib.sha256)


async def network_of(request: Request) -> str:
    """Return the network that a request comes from: an IPv4 address, a /64 of IPv6, or `local` without an IP address."""
    client = request.client
    try:
        address = ip_address("" if client is None else client.host)
    except ValueError:
        return "local"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)


Network = Annotated[str, Depends(network_of)]
