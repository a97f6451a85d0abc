"""Throttling: limits on failed attempts and on requests, counted in the database for all workers together.

A bucket (`app.identity.buckets`) is a counter with a limit. There are three ways to count:

- A password attempt is reserved before the password is checked, and afterwards becomes a failure or is released. So no
  more wrong passwords than the limit are checked, even if many arrive at once on several workers. An attempt that might
  exceed the limit waits until the earlier ones are decided, so a right password is not refused (decision 071).
- Of e-mailed codes and refresh tokens, only wrong ones are counted, by network. A right one is always accepted. This is
  safe because they cannot be guessed: a six-digit code becomes invalid after a few wrong attempts (`ShortCodes`).
- Requests that send an e-mail or compute a password hash are counted by network, before anything else is done. Exports
  are counted when they start, and subtracted again if they fail.

`afterglow upkeep` deletes old rows (`app.identity.pruning`).
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.db import Statement, Transaction, bind
from app.identity import audit
from app.identity.audit import Event
from app.identity.buckets import Bucket, key_of, of_account, of_device, of_second_factor
from app.identity.tables import Throttle
from app.problems import Problem, TooManyAttempts, Unavailable, WrongCredentials
from app.services import Services

MAX_WAIT_SECONDS: Final = 10.0
"""The maximum time that an attempt waits until earlier attempts are decided."""
MIN_PAUSE_SECONDS: Final = 0.02
MAX_PAUSE_SECONDS: Final = 0.25
_RESERVATION: Final = timedelta(minutes=1)
"""The lifetime of a reserved attempt, which is longer than any request takes."""
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
"""Reserves an attempt. Expired reservations become failures: the worker that made them stopped before it decided."""
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


class _MustWaitError(Exception):
    """Rolls back the transaction that reserved an attempt, because the attempt has to wait."""


@dataclass(slots=True)
class Attempt:
    """An attempt to sign in or to use a code, which the block of a context manager makes.

    The block sets `account_id`, if the account is known, for the audit events.
    """

    account_id: UUID | None = None


@asynccontextmanager
async def counted(services: Services, bucket: Bucket, refusal: Callable[[int], Problem]) -> AsyncIterator[None]:
    """Add 1 to the bucket's count, and execute the block; subtract 1 again if the block raises an exception.

    If the limit is reached, do not execute the block, record an audit event, and raise the problem that
    `refusal(seconds)` returns, with the number of seconds to wait.
    """
    try:
        uses = await _count(services, [bucket])
    except TooManyAttempts as problem:
        raise refusal(problem.seconds) from None
    try:
        yield
    except BaseException:
        await _subtract(services, uses)
        raise


@asynccontextmanager
async def rate_limited(
    services: Services, *buckets: list[Bucket], failure: type[Problem] = WrongCredentials
) -> AsyncIterator[Attempt]:
    """Reserve an attempt in every bucket, and execute the block; the attempt counts only if the block raises `failure`.

    Raise `TooManyAttempts` if a limit is reached. If undecided attempts might reach a limit, wait for them; raise
    `Unavailable` after 10 seconds. Record failures and refusals as audit events.
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
        with suppress(Unavailable):  # then the attempt becomes a failure when its reservation expires
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
    """Reserve an attempt in every bucket and return True; return False, with no effect, if the attempt has to wait.

    Raise `TooManyAttempts` if a limit is reached.
    """
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
    """Execute the block, and count a failure if it raises `failure`.

    If a limit is reached, raise `TooManyAttempts` without executing the block. Record failures and refusals as audit
    events. Use this for credentials that are costly to check.
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
    """Execute the block, and count a failure if it raises `WrongCredentials`.

    If the failure exceeds a limit, raise `TooManyAttempts` instead of `WrongCredentials`. Record failures and refusals
    as audit events. Right credentials are accepted after any number of failures: use this only for credentials that
    cannot be guessed.
    """
    attempt = Attempt()
    try:
        yield attempt
    except WrongCredentials:
        _record_failure(services, buckets, attempt)
        await _count(services, _sorted(*buckets))
        raise


async def count_request(services: Services, bucket: Bucket) -> None:
    """Count a request, whether or not it succeeds; raise `TooManyAttempts` if the limit is exceeded."""
    await _count(services, [bucket])


async def is_within(tx: Transaction, bucket: Bucket, now: datetime) -> bool:
    """Add 1 to the bucket's count; return whether the count is within the limit."""
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
    """Subtract 1 again from each of these counts. If the database is unavailable, leave them unchanged."""
    with suppress(Unavailable):
        async with services.db.transaction() as tx:
            await tx.many(_SUBTRACT, counted)


async def count(tx: Transaction, bucket: Bucket) -> datetime:
    """Add 1 to the bucket's count; return the beginning of the bucket's period, which `_subtract` needs.

    Raise `TooManyAttempts` if the limit is exceeded. The caller must then roll the transaction back, so that the count
    is unchanged.
    """
    now = clock.now()
    row = await tx.only(_ADD, key=bucket.key, now=now, expired=now - timedelta(seconds=bucket.seconds))
    if row["count"] > bucket.limit:
        raise TooManyAttempts(_seconds_left(row["began_at"], bucket, now))
    began_at: datetime = row["began_at"]
    return began_at


async def serialize(tx: Transaction, throttle_key: bytes, kind: str, value: str) -> None:
    """Lock a row of the table `throttle` that stands for `kind` and `value`, until the transaction ends.

    So transactions that call this with the same `kind` and `value` run one after the other.
    """
    now = clock.now()
    await tx.only(_ADD, key=key_of(throttle_key, kind, value), now=now, expired=now)


async def reset(tx: Transaction, *buckets: list[Bucket]) -> None:
    """Delete the counts of these buckets."""
    await tx.many(_RESET, [{"key": bucket.key} for bucket in _sorted(*buckets)])


async def erase(
    tx: Transaction, services: Services, account_id: UUID, email_key: str, device_ids: Sequence[UUID]
) -> None:
    """Delete what throttling stores about an account that is erased.

    These are the counts of its wrong passwords and second-factor codes, in total and by device, and the rows that
    `serialize` locks for it. Pruning deletes other counts, such as those of exports.
    """
    names = (email_key, str(account_id))
    passwords = [of_account(services, name) for name in names]
    factors = [of_second_factor(services, id) for id in (account_id, *device_ids)]
    serialized = [key_of(services.throttle_key, kind, name) for name in names for kind in ("codes", "e-mail address")]
    await reset(
        tx,
        *passwords,
        *factors,
        *(of_device(services, id) for id in device_ids),
        [Bucket(key, 0, 0, "") for key in serialized],
    )


def _sorted(*buckets: list[Bucket]) -> list[Bucket]:
    """Return all buckets ordered by key. Every transaction locks them in this order, to prevent deadlocks."""
    return sorted((each for some in buckets for each in some), key=lambda bucket: bucket.key)


def _seconds_left(began_at: datetime, bucket: Bucket, now: datetime) -> int:
    return max(1, bucket.seconds - int((now - began_at).total_seconds()))


def _record_throttling(services: Services, buckets: Sequence[Bucket], full: Bucket) -> None:
    """Record an audit event about a refused attempt.

    The event contains the first digits of the key of the bucket `full`, whose limit is reached. They are the same for
    all attempts that this bucket counts, for example all attempts to sign in to one account.
    """
    audit.record(services, Event.THROTTLED, None, _network(buckets), kind=full.kind, bucket=full.key.hex()[:16])


def _record_failure(services: Services, buckets: Sequence[list[Bucket]], attempt: Attempt) -> None:
    network = _network([bucket for some in buckets for bucket in some])
    audit.record(services, Event.ATTEMPT_FAILED, attempt.account_id, network, kind=buckets[0][0].kind)


def _network(buckets: Sequence[Bucket]) -> str | None:
    return next((bucket.network for bucket in buckets if bucket.network is not None), None)
