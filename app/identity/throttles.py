"""Throttling: limits on failed attempts, which are counted in the database for all workers together.

An attempt at a password is reserved before the password is checked, and afterwards becomes a failure or is released. So
no more wrong passwords than the limit are checked, even if many arrive at once on several workers. An attempt that
might exceed the limit waits until the earlier ones are decided, so a right password is not refused (decision 071).
Accounts are counted by an HMAC of the e-mail address, known and unknown alike; clients by their network, /32 of IPv4
and /64 of IPv6. A device that has signed in to the account before has buckets of its own, so that another person's
failures cannot lock the owner out. Codes and refresh tokens cannot be guessed, so only wrong ones are counted, by
network: a right one is always accepted. Exports are counted when they start, and subtracted again if they fail.
Requests that cause an e-mail or a password hash are counted by network, before anything else is done.
`afterglow upkeep` deletes old rows (`app.identity.pruning`).
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
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
from app.identity import audit
from app.identity.audit import Event
from app.identity.tables import Throttle
from app.problems import Problem, TooManyAttempts, Unavailable, WrongCredentials
from app.services import Services

HOUR: Final = 3600
DAY: Final = 86_400
MAX_WAIT_SECONDS: Final = 10.0
"""How long an attempt waits until others are decided."""
MIN_PAUSE_SECONDS: Final = 0.02
MAX_PAUSE_SECONDS: Final = 0.25
_RESERVATION: Final = timedelta(minutes=1)
"""How long an attempt may be undecided: longer than any request takes."""
_throttle = Throttle.table()
_this = _throttle.c.key == bind(_throttle.c.key)
_EXPIRED: Final = bind(_throttle.c.began_at, "expired")
_ADD: Final = Statement(
    sa.text(
        "INSERT INTO throttle (key, began_at, count, reserved) VALUES (:key, :now, 1, 0) ON CONFLICT (key) DO UPDATE SET"
        " count = CASE WHEN throttle.began_at <= :expired THEN 1 ELSE throttle.count + 1 END,"
        " began_at = CASE WHEN throttle.began_at <= :expired THEN :now ELSE throttle.began_at END"
        " RETURNING count, began_at"
    )
    .bindparams(bind(_throttle.c.key), bind(_throttle.c.began_at, "now"), _EXPIRED)
    .columns(_throttle.c.count, _throttle.c.began_at)
)
_RESERVE: Final = Statement(
    sa.text(
        "INSERT INTO throttle (key, began_at, count, reserved, reserved_until) VALUES (:key, :now, 0, 1, :until)"
        " ON CONFLICT (key) DO UPDATE SET"
        " count = CASE WHEN throttle.began_at <= :expired THEN 0 ELSE throttle.count END"
        " + CASE WHEN throttle.reserved_until <= :now THEN throttle.reserved ELSE 0 END,"
        " reserved = 1 + CASE WHEN throttle.reserved_until <= :now THEN 0 ELSE throttle.reserved END,"
        " began_at = CASE WHEN throttle.began_at <= :expired OR throttle.count = 0 THEN :now ELSE throttle.began_at END,"
        " reserved_until = :until"
        " RETURNING count, reserved, began_at"
    )
    .bindparams(
        bind(_throttle.c.key), bind(_throttle.c.began_at, "now"), _EXPIRED, bind(_throttle.c.reserved_until, "until")
    )
    .columns(_throttle.c.count, _throttle.c.reserved, _throttle.c.began_at)
)
"""Reserves an attempt. Earlier ones that were not decided in time, because their worker ended, become failures."""
_is_expired: Final = _throttle.c.began_at <= _EXPIRED
_GIVE_BACK: Final = Statement(
    sa.update(_throttle).where(_this, _throttle.c.reserved > 0).values(reserved=_throttle.c.reserved - 1)
)
_FAIL: Final = Statement(
    sa.update(_throttle)
    .where(_this, _throttle.c.reserved > 0)
    .values(
        reserved=_throttle.c.reserved - 1,
        count=sa.case((_is_expired, 1), else_=_throttle.c.count + 1),
        began_at=sa.case((_is_expired, bind(_throttle.c.began_at, "now")), else_=_throttle.c.began_at),
    )
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


class CodeKind(StrEnum):
    """What a code is for; wrong attempts are counted separately for each kind."""

    REGISTRATION = "registration code"
    RESET = "reset code"
    EMAIL = "e-mail change code"
    REOPENING = "reopening code"


class _MustWaitError(Exception):
    """Rolls back a reservation, because the attempt has to wait."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A counter: its key, its limit, its period in seconds, what it counts (`kind`), and for which network."""

    key: bytes
    limit: int
    seconds: int
    kind: str
    network: str | None = None


@dataclass(slots=True)
class Attempt:
    """An attempt, for the audit: `account_id` is set if the account is known."""

    account_id: UUID | None = None


def of_account(services: Services, key: str) -> list[Bucket]:
    """Return the buckets of an account's password, whether or not it exists, by the key of its e-mail address."""
    return _short_and_daily(services, "account, password", key, "password")


def of_code(services: Services, network: str, name: str, kind: CodeKind) -> list[Bucket]:
    """Return the buckets of a network's attempts at the codes of an account: by the key of its e-mail address, or its id."""
    return _short_and_daily(services, f"{kind}, {network}", name, kind, network)


def of_codes(services: Services, network: str, owner: str) -> Bucket:
    """Return the bucket of the codes that a network requests for an owner after the owner's limit of a day."""
    key = _key(services.throttle_key, f"codes, {network}", owner)
    return Bucket(key, services.settings.codes_a_day, services.settings.code_seconds, "codes", network)


def digest_of(services: Services, network: str) -> bytes:
    """Return a keyed hash of a network, to be stored instead of the network."""
    return _key(services.throttle_key, "network", network)


def of_device(services: Services, device_id: UUID) -> list[Bucket]:
    """Return the buckets of a device that has signed in to the account before."""
    return _short_and_daily(services, "device", str(device_id), "password")


def _short_and_daily(services: Services, name: str, value: str, kind: str, network: str | None = None) -> list[Bucket]:
    settings, secret = services.settings, services.throttle_key
    limit, seconds = settings.throttle_account, settings.throttle_account_seconds
    return [
        Bucket(_key(secret, name, value), limit, seconds, kind, network),
        Bucket(_key(secret, f"{name} by day", value), settings.throttle_account_day, DAY, kind, network),
    ]


def of_client(services: Services, network: str) -> list[Bucket]:
    """Return the bucket of a client's network."""
    key = _key(services.throttle_key, "client", network)
    return [Bucket(key, services.settings.throttle_client, 60, "network", network)]


def of_refreshes(services: Services, network: str) -> list[Bucket]:
    """Return the bucket of a client's network, for refresh tokens."""
    return [replace(bucket, kind="refresh token") for bucket in of_client(services, network)]


def of_mail(services: Services, network: str) -> Bucket:
    """Return the bucket of the requests of a network that cause an e-mail."""
    return Bucket(
        _key(services.throttle_key, "mail", network), services.settings.throttle_mail, HOUR, "e-mails", network
    )


def of_sign_ins(services: Services, network: str) -> Bucket:
    """Return the bucket of a network's requests to sign in, right or wrong."""
    return Bucket(
        _key(services.throttle_key, "sign-ins", network), services.settings.throttle_sign_in, 60, "sign-ins", network
    )


def of_exports(services: Services, account_id: UUID) -> Bucket:
    """Return the bucket of an account's exports."""
    return Bucket(
        _key(services.throttle_key, "export", str(account_id)), services.settings.exports_a_day, DAY, "exports"
    )


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
    key = _key(services.throttle_key, "assertions", network)
    return [Bucket(key, services.settings.throttle_client, 60, "assertion", network)]


def of_tokens(services: Services, client_id: UUID) -> Bucket:
    """Return the bucket of the access tokens of a clinic's client."""
    key = _key(services.throttle_key, "tokens", str(client_id))
    return Bucket(key, services.settings.throttle_tokens, 60, "client tokens")


def of_clinic_codes(services: Services, network: str, account_id: UUID | None = None) -> list[Bucket]:
    """Return the buckets of wrong codes of clinics: of a network, and of an account if there is one."""
    settings = services.settings
    buckets = [
        Bucket(
            _key(services.throttle_key, "codes, client", network), settings.throttle_client, 60, "clinic code", network
        )
    ]
    if account_id is not None:
        key = _key(services.throttle_key, "codes, account", str(account_id))
        buckets.append(Bucket(key, settings.throttle_codes, HOUR, "clinic code"))
    return buckets


@asynccontextmanager
async def rate_limited(
    services: Services, *buckets: list[Bucket], failure: type[Problem] = WrongCredentials
) -> AsyncIterator[Attempt]:
    """Reserve an attempt in every bucket, or raise `TooManyAttempts`; count it if the block raises a `failure`.

    If undecided attempts might make it exceed a limit, it waits; after 10 seconds, it raises `Unavailable`.
    """
    each, attempt = _sorted(*buckets), Attempt()
    await _reserve(services, each)
    statement = _GIVE_BACK
    try:
        yield attempt
    except failure:
        statement = _FAIL
        _record_failure(services, buckets, attempt)
        raise
    finally:
        now = clock.now()
        with suppress(Unavailable):  # then it becomes a failure when its reservation ends
            async with services.db.transaction() as tx:
                await tx.many(statement, [_window(bucket, now) for bucket in each])


async def _reserve(services: Services, buckets: list[Bucket]) -> None:
    deadline, pause = time.monotonic() + MAX_WAIT_SECONDS, MIN_PAUSE_SECONDS
    while not await _has_reserved(services, buckets):
        if time.monotonic() >= deadline:
            raise Unavailable
        await asyncio.sleep(pause * (0.5 + secrets.randbelow(1000) / 1000))
        pause = min(2 * pause, MAX_PAUSE_SECONDS)


async def _has_reserved(services: Services, buckets: list[Bucket]) -> bool:
    """Reserve an attempt in every bucket and return True; return False, with no effect, if it has to wait."""
    now = clock.now()
    with suppress(_MustWaitError):
        async with services.db.transaction() as tx:
            for bucket in buckets:
                row = await tx.only(_RESERVE, **_window(bucket, now), until=now + _RESERVATION)
                if row["count"] >= bucket.limit:
                    _record_throttling(services, buckets, bucket)
                    raise TooManyAttempts(_seconds_left(row["began_at"], bucket, now))
                if row["count"] + row["reserved"] > bucket.limit:
                    raise _MustWaitError
        return True
    return False


def _window(bucket: Bucket, now: datetime) -> dict[str, object]:
    return {"key": bucket.key, "now": now, "expired": now - timedelta(seconds=bucket.seconds)}


@asynccontextmanager
async def count_failures(
    services: Services, buckets: list[Bucket], failure: type[Exception] = WrongCredentials
) -> AsyncIterator[None]:
    """Raise `TooManyAttempts` after too many failures; count another if the block raises a `failure`.

    Use it for credentials that are costly to check.
    """
    now = clock.now()
    for bucket in buckets:
        row = await services.db.one(_READ, key=bucket.key, expired=now - timedelta(seconds=bucket.seconds))
        if row is not None and row["count"] >= bucket.limit:
            _record_throttling(services, buckets, bucket)
            raise TooManyAttempts(_seconds_left(row["began_at"], bucket, now))
    try:
        yield
    except failure:
        _record_failure(services, [buckets], Attempt())
        await _count(services, buckets)
        raise


@asynccontextmanager
async def count_wrong(services: Services, *buckets: list[Bucket]) -> AsyncIterator[Attempt]:
    """Count a failure if the block raises `WrongCredentials`, and raise `TooManyAttempts` instead after too many.

    Right credentials are accepted after any number of failures: use it for those that cannot be guessed.
    """
    attempt = Attempt()
    try:
        yield attempt
    except WrongCredentials:
        _record_failure(services, buckets, attempt)
        await _count(services, _sorted(*buckets))
        raise


async def count_request(services: Services, bucket: Bucket) -> None:
    """Count a request, whether or not it succeeds, or raise `TooManyAttempts`."""
    await _count(services, [bucket])


async def is_within(tx: Transaction, bucket: Bucket, now: datetime) -> bool:
    """Count a use in the bucket; return whether it is within the limit."""
    row = await tx.only(_ADD, key=bucket.key, now=now, expired=now - timedelta(seconds=bucket.seconds))
    return bool(row["count"] <= bucket.limit)


async def _count(services: Services, buckets: Sequence[Bucket]) -> list[dict[str, object]]:
    counted: list[dict[str, object]] = []
    async with services.db.transaction() as tx:
        for bucket in buckets:
            try:
                counted.append({"key": bucket.key, "began_at": await count(tx, bucket)})
            except TooManyAttempts:
                _record_throttling(services, buckets, bucket)
                raise
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
    """Delete every count of an account, which is known by these names, and of its devices."""
    passwords = [of_account(services, name) for name in names]
    serialized = [_key(services.throttle_key, kind, name) for name in names for kind in ("codes", "e-mail address")]
    await reset(
        tx, *passwords, *(of_device(services, id) for id in device_ids), [Bucket(key, 0, 0, "") for key in serialized]
    )


def _sorted(*buckets: list[Bucket]) -> list[Bucket]:
    """Return the buckets in the order in which every transaction locks them, so that two transactions cannot deadlock."""
    return sorted((each for some in buckets for each in some), key=lambda bucket: bucket.key)


def _seconds_left(began_at: datetime, bucket: Bucket, now: datetime) -> int:
    return max(1, bucket.seconds - int((now - began_at).total_seconds()))


def _record_throttling(services: Services, buckets: Sequence[Bucket], full: Bucket) -> None:
    """Record that an attempt is refused, with the beginning of the bucket's key: the same for all attempts at an account."""
    audit.record(services, Event.THROTTLED, None, _network(buckets), kind=full.kind, bucket=full.key.hex()[:16])


def _record_failure(services: Services, buckets: Sequence[list[Bucket]], attempt: Attempt) -> None:
    network = _network([bucket for some in buckets for bucket in some])
    audit.record(services, Event.ATTEMPT_FAILED, attempt.account_id, network, kind=buckets[0][0].kind)


def _network(buckets: Sequence[Bucket]) -> str | None:
    return next((bucket.network for bucket in buckets if bucket.network is not None), None)


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
