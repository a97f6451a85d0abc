"""Delivering: numbers the new changes for clinics that have webhooks, and sends the messages that are due.

Every worker does this each second. A transaction leases due webhooks to one worker. After the commit, the worker sends
the messages concurrently. If a worker is killed, the webhooks that are leased to it become due again when their leases
end.
"""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final, NamedTuple

import sqlalchemy as sa

from app import clock, json_strict, observability
from app.clinics.consent_tables import SharedItem
from app.clinics.tables import ClinicRecord, WebhookRecord, WebhookStatus
from app.db import Row, Statement, bind, bulk_update
from app.exchange import numbering
from app.outbound import FetchError, RefusedUrlError
from app.problems import Problem
from app.sealing import Cipher, UnreadableError
from app.services import Services
from app.webhooks import signing
from app.webhooks.emails import webhook_disabled

SECONDS: Final = 1.0
"""The interval between two searches for due webhooks, in seconds."""
MAX_SENDING: Final = 200
"""The maximum number of messages that one process sends at once."""
LEASE: Final = timedelta(seconds=30)
"""The time for which a webhook is leased to the worker that sends its message: longer than a request can take."""
RETRIES: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""The number of seconds before each retry, ± 20 %. The last number applies to all further retries."""
MAX_FAILING: Final = timedelta(days=5)
"""The time for which all attempts may fail before the webhook is disabled."""
TYPE: Final = "changes.available"
_clinic, _item, _webhook = ClinicRecord.table(), SharedItem.table(), WebhookRecord.table()
_is_live: Final = sa.and_(
    _webhook.c.status == sa.literal_column(f"'{WebhookStatus.ACTIVE}'", sa.String()), _clinic.c.ended_at.is_(None)
)
_is_due: Final = sa.and_(
    _is_live, _webhook.c.due_at <= bind(_webhook.c.due_at, "now"), _webhook.c.delivered < _clinic.c.head
)
_joined: Final = _webhook.join(_clinic, _webhook.c.clinic_id == _clinic.c.id)
UNNUMBERED: Final = Statement(
    sa.select(_clinic.c.id, _clinic.c.head)
    .select_from(_joined)
    .where(
        _is_live, sa.exists(sa.select(_item.c.id).where(_item.c.clinic_id == _clinic.c.id, _item.c.number.is_(None)))
    )
    .distinct()
)
NEXT: Final = Statement(sa.select(_webhook.c.id).select_from(_joined).where(_is_due).limit(1))
CLAIM: Final = Statement(
    sa.select(*_webhook.c, *(_clinic.c[name] for name in ("head", "epoch", "name", "contact")))
    .select_from(_joined)
    .where(_is_due)
    .order_by(_webhook.c.due_at)
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
    .with_for_update(of=_webhook, skip_locked=True)
)
_LEASE: Final = bulk_update(_webhook, ["clinic_id", "id"], ["message", "message_at", "due_at"])
_leased: Final = sa.and_(
    _webhook.c.clinic_id == bind(_webhook.c.clinic_id),
    _webhook.c.id == bind(_webhook.c.id),
    _webhook.c.due_at == bind(_webhook.c.due_at, "leased_until"),
)
_RESULT: Final = (
    "delivered",
    "delivered_at",
    "message",
    "message_at",
    "failures",
    "failing_since",
    "last_error",
    "due_at",
)
_FINISH: Final = Statement(
    sa.update(_webhook)
    .where(_leased)
    .values({name: bind(_webhook.c[name]) for name in _RESULT})
    .returning(_webhook.c.status)
)
"""Stores the result of an attempt. It does nothing if, since the attempt began, the webhook has been leased again,
enabled or disabled.
"""
_DISABLE: Final = Statement(
    sa.update(_webhook)
    .where(_webhook.c.clinic_id == bind(_webhook.c.clinic_id), _webhook.c.id == bind(_webhook.c.id))
    .values(status=sa.literal_column(f"'{WebhookStatus.DISABLED}'", sa.String()))
)


class Failure(NamedTuple):
    """A failed attempt: the reason, and whether it is final because the receiver responded 410.

    A final failure disables the webhook at once.
    """

    reason: str
    is_final: bool = False


async def run(services: Services) -> None:
    """Number the new changes for clinics that have webhooks, and start to send the messages that are due."""
    for clinic in await services.db.all(UNNUMBERED):
        while await numbering.number(services.db, clinic):
            pass
    for webhook in await _claim(services):
        services.jobs.start_task(deliver(services, webhook))


async def _claim(services: Services) -> list[Row]:
    """Lease due webhooks to this process.

    Return the rows of the webhooks, each with the message to send, and with the head, epoch, name and contact of its clinic.
    """
    now, free = clock.now(), MAX_SENDING - services.jobs.tasks
    if free <= 0 or await services.db.one(NEXT, now=now) is None:
        return []
    async with services.db.transaction() as tx:
        rows = await tx.all(CLAIM, now=now, rows=free)
        for row in rows:
            row["due_at"] = now + LEASE
            if row["message"] is None:
                row["message"], row["message_at"] = row["head"], now
        leases = [{name: row[name] for name in ("clinic_id", "id", "message", "message_at", "due_at")} for row in rows]
        await tx.write((_LEASE, leases))
    return rows


async def deliver(services: Services, webhook: Row) -> None:
    """Send the message of a webhook that is leased to this process, and store the result.

    If the result cannot be stored, because the database is unavailable, the same message is sent again after the lease
    has ended.
    """
    failure = await _send(services, webhook)
    with suppress(Problem):
        if failure is None:
            await _succeed(services, webhook)
        else:
            await _fail(services, webhook, failure)


async def _send(services: Services, webhook: Row) -> Failure | None:
    """Send the message of a webhook; return the failure, or None if the receiver accepted the message."""
    at = clock.format_instant(webhook["message_at"])
    body = json_strict.dump({"type": TYPE, "timestamp": at, "data": {"clinic_id": webhook["clinic_id"]}})
    # The id is the same in each attempt. A full stop in it would be ambiguous: the signed text is `id.timestamp.body`.
    message_id = f"{webhook['id']}_{webhook['epoch']}_{webhook['message']}"
    now = clock.now()
    try:
        signed = signing.headers(_secrets(services, webhook, now), message_id, int(now.timestamp()), body)
        headers = {"Content-Type": "application/json", "User-Agent": "Afterglow"} | signed
        status = await services.outbound.post(webhook["url"], headers, body)
    except UnreadableError:
        return Failure("the server cannot read the secret of the webhook: rotate it")
    except RefusedUrlError as error:
        return Failure(f"the URL is refused: {error}")
    except FetchError as error:
        return Failure(str(error))
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    reason = f"the response has the status {status} instead of 2xx; redirects are not followed"
    return Failure(reason, is_final=status == HTTPStatus.GONE)


def _secrets(services: Services, webhook: Row, now: datetime) -> list[bytes]:
    """Return the secrets to sign with: the current one and, for a time after it was replaced, the former one.

    Raise `UnreadableError` if the keyring cannot decrypt a secret.
    """
    sealed = [webhook["secret"]]
    if webhook["former_until"] is not None and now < webhook["former_until"]:
        sealed.append(webhook["former_secret"])
    cipher = Cipher(services.webhook_key)
    return [cipher.decrypt(each, webhook["id"].bytes) for each in sealed]


async def _succeed(services: Services, webhook: Row) -> None:
    now = clock.now()
    result: Row = {
        "delivered": webhook["message"],
        "delivered_at": now,
        "message": None,
        "message_at": None,
        "failures": 0,
        "failing_since": None,
        "last_error": None,
        "due_at": now,
    }
    await services.db.run(_FINISH, **_key(webhook), **result)


async def _fail(services: Services, webhook: Row, failure: Failure) -> None:
    """Store that an attempt failed, and the time of the next attempt.

    If the failure is final, or the attempts have failed for `MAX_FAILING`, also disable the webhook, and queue an
    e-mail to the clinic's contact. Log `webhook-failed` or `webhook-disabled`.
    """
    now, failures = clock.now(), webhook["failures"] + 1
    since: datetime = webhook["failing_since"] or now
    ends = failure.is_final or now - since >= MAX_FAILING
    result: Row = {name: webhook[name] for name in _RESULT} | {
        "failures": failures,
        "failing_since": since,
        "last_error": failure.reason,
        "due_at": min(now + _pause(failures), max(since + MAX_FAILING, now)),
    }
    async with services.db.transaction() as tx:
        finished = await tx.one(_FINISH, **_key(webhook), **result)
        disables = ends and finished is not None and finished["status"] == WebhookStatus.ACTIVE
        if disables:
            await tx.run(_DISABLE, clinic_id=webhook["clinic_id"], id=webhook["id"])
            if webhook["contact"] is not None:
                email = webhook_disabled(webhook["contact"], webhook["name"], webhook["id"], failure.reason)
                await services.mailer.queue(tx, email)
    services.jobs.wake()
    observability.log_event(
        "webhook-disabled" if disables else "webhook-failed",
        "warning",
        webhook_id=webhook["id"],
        clinic_id=webhook["clinic_id"],
        attempt=failures,
        reason=failure.reason,
    )


def _key(webhook: Row) -> Row:
    return {"clinic_id": webhook["clinic_id"], "id": webhook["id"], "leased_until": webhook["due_at"]}


def _pause(failures: int) -> timedelta:
    """Return the time to wait before the next attempt, after a number of failures in a row."""
    jitter = 0.8 + secrets.randbelow(400) / 1000
    return timedelta(seconds=RETRIES[min(failures, len(RETRIES)) - 1] * jitter)
