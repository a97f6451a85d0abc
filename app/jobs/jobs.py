"""The queue of jobs in the database, and the runner of jobs in this process."""

import asyncio
import secrets
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import sqlalchemy as sa

from app import clock, observability
from app.db import Database, Row, Statement, Transaction, any_of, bind
from app.ids import new_id
from app.jobs.tables import JobRecord
from app.problems import Problem
from app.sealing import Cipher, UnreadableError

MAX_RUNNING: Final = 8
"""The maximum number of jobs that one process runs at once."""
POLL_SECONDS: Final = 5.0
"""The seconds after which a process looks again for due jobs: those that other processes added, and retries."""
MIN_BACKOFF: Final = 5.0
MAX_BACKOFF: Final = 1800.0
"""The longest pause before a retry, in seconds.

The first pause is `MIN_BACKOFF`, and each further pause is twice as long. Each pause varies at random by up to 20 %.
"""
MAX_AGE: Final = timedelta(days=1)
"""The age at which a job is not retried any more, unless `Jobs.add` got another `max_age`."""
STOP_SECONDS: Final = 5.0
"""The seconds for which a stopping process waits for its running jobs, before it cancels them."""
PAGE_ROWS: Final = 500
"""The number of jobs that `Jobs.find` reads with one statement."""

SEALED: Final = "sealed"
"""The name of the only member of a stored payload. Its value is the encrypted payload, which may contain secrets."""

_job = JobRecord.table()
_this = _job.c.id == bind(_job.c.id)
_INSERT: Final = Statement(sa.insert(_job).values({column.name: bind(column) for column in _job.c}))
_NEXT: Final = Statement(sa.select(_job.c.id).where(_job.c.due_at <= bind(_job.c.due_at, "now")).limit(1))
_due = (
    sa.select(_job.c.id)
    .where(_job.c.due_at <= bind(_job.c.due_at, "now"))
    .order_by(_job.c.due_at)
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
    .with_for_update(skip_locked=True)
)
_CLAIM: Final = Statement(
    sa.update(_job)
    .where(_job.c.id.in_(_due))
    .values(due_at=bind(_job.c.due_at, "leased_until"), attempts=_job.c.attempts + 1)
    .returning(*_job.c)
)
_is_due = (_job.c.due_at <= bind(_job.c.due_at, "now")).label("is_due")
_BACKLOG: Final = Statement(
    sa.select(_is_due, sa.func.count().label("jobs"), sa.func.min(_job.c.created_at).label("oldest")).group_by(_is_due)
)
_PAGE: Final = Statement(
    sa.select(_job.c.id, _job.c.payload)
    .where(_job.c.id > bind(_job.c.id, "after"))
    .order_by(_job.c.id)
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
)
_RETRY: Final = Statement(sa.update(_job).where(_this).values(due_at=bind(_job.c.due_at)))
_DELETE: Final = Statement(sa.delete(_job).where(_this))
_DELETE_ALL: Final = Statement(sa.delete(_job).where(any_of(_job.c.id, "ids")))


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job, as its handler gets it. The id is the same at every attempt."""

    id: UUID
    payload: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number and the age of jobs in the database: either of those that are due, or of those that are not due yet.

    While a job runs, it is not due until its lease ends.
    """

    jobs: int = 0
    oldest_seconds: float = 0.0
    """The age of the oldest of these jobs, in seconds; 0 if there are no jobs."""


Handler = Callable[[Job], Awaitable[None]]
PeriodicWork = Callable[[], Awaitable[None]]


class JobRejectedError(Exception):
    """Raised by a handler if no retry of its job can succeed. The job is then deleted, and an error is logged."""


class Jobs:
    """The queue of jobs in the database, and the runner of due jobs in this process."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        """Start without handlers; nothing runs before `start`. `cipher` encrypts the stored payloads."""
        self._db, self._cipher = db, cipher
        self._handlers: dict[str, Handler] = {}
        self._lease = timedelta(seconds=60)
        self._changed = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._periodic: list[tuple[PeriodicWork, float]] = []
        self._periodic_loops: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    def register(self, kind: str, handler: Handler, *, max_seconds: float) -> None:
        """Run each job with this `kind` by calling `handler`, which needs at most `max_seconds` for a job.

        The lease of every job is the longest `max_seconds` of all handlers, and at least a minute. If a job still runs
        when its lease ends, it is cancelled and counts as failed.
        """
        self._handlers[kind] = handler
        self._lease = max(self._lease, timedelta(seconds=max_seconds))

    def repeat(self, work: PeriodicWork, seconds: float) -> None:
        """Run `work` in this process every `seconds` seconds. Other processes may run it at the same time."""
        self._periodic.append((work, seconds))

    def start_task(self, work: Coroutine[Any, Any, None]) -> None:
        """Start `work` in a task of this process beside the jobs, and return at once. `stop` waits for the task.

        `work` has to handle its own errors. Periodic work uses this to start many requests, so that a slow request
        delays neither the other requests nor the jobs.
        """
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def tasks(self) -> int:
        """The number of tasks that `start_task` started and that have not ended."""
        return len(self._tasks)

    async def add(self, tx: Transaction, kind: str, payload: dict[str, Any], *, max_age: timedelta = MAX_AGE) -> UUID:
        """Add a job, due at once, in the transaction `tx`; return its id. The caller calls `wake` after the commit."""
        id, now = new_id(), clock.now()
        await tx.run(
            _INSERT,
            id=id,
            kind=kind,
            payload={SEALED: self._encrypted_payload(id, payload)},
            attempts=0,
            created_at=now,
            due_at=now,
            expires_at=now + max_age,
        )
        return id

    async def find(self, condition: Callable[[dict[str, Any]], bool]) -> list[UUID]:
        """Return the ids of the jobs for whose payload `condition` returns True.

        Payloads that cannot be decrypted are skipped. Every job is read, because encrypted payloads have no index.
        """
        found: list[UUID] = []
        after, is_last = UUID(int=0), False
        while not is_last:
            rows = await self._db.all(_PAGE, after=after, rows=PAGE_ROWS)
            for row in rows:
                with suppress(UnreadableError):
                    if condition(self._decrypted_payload(row)):
                        found.append(row["id"])
            is_last, after = len(rows) < PAGE_ROWS, rows[-1]["id"] if rows else after
        return found

    async def delete(self, tx: Transaction, ids: list[UUID]) -> None:
        """Delete jobs in the transaction `tx`. A running job is deleted, too, but continues to run."""
        await tx.run(_DELETE_ALL, ids=ids)

    @property
    def running(self) -> int:
        """The number of jobs that are running in this process."""
        return len(self._running)

    async def backlog(self) -> dict[bool, Backlog]:
        """Count the jobs of all processes: return the backlog of due jobs (key True) and of the others (key False)."""
        now = clock.now()
        rows = {bool(row["is_due"]): row for row in await self._db.all(_BACKLOG, now=now)}
        return {
            is_due: Backlog(rows[is_due]["jobs"], max(0.0, (now - rows[is_due]["oldest"]).total_seconds()))
            if is_due in rows
            else Backlog()
            for is_due in (True, False)
        }

    def _encrypted_payload(self, id: UUID, payload: dict[str, Any]) -> str:
        return b64encode(self._cipher.encrypt(orjson.dumps(payload), id.bytes)).decode()

    def _decrypted_payload(self, row: Row) -> dict[str, Any]:
        """Return the decrypted payload of a job's row. Payloads that an earlier release stored may not be encrypted."""
        payload: dict[str, Any] = row["payload"]
        if SEALED in payload:
            payload = orjson.loads(self._cipher.decrypt(b64decode(payload[SEALED]), row["id"].bytes))
        return payload

    def wake(self) -> None:
        """Make this process look for due jobs at once."""
        self._changed.set()

    def start(self) -> None:
        """Start running jobs and periodic work in this process. Jobs that are already due run at once."""
        self.wake()
        self._loop = asyncio.create_task(self._run())
        self._periodic_loops = [asyncio.create_task(self._run_every(*each)) for each in self._periodic]

    async def stop(self) -> None:
        """Stop claiming jobs; wait at most `STOP_SECONDS` for running jobs, periodic work and tasks, then cancel them.

        Cancelled jobs stay in the table, and another process runs them after their leases have ended.
        """
        self._stopping = True
        self.wake()
        self._ended.set()
        if self._loop is not None:
            await self._loop  # not cancelled: claimed jobs must get their tasks
        left = self._running.union(self._periodic_loops, self._tasks)
        if left:
            _, late = await asyncio.wait(left, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._changed.wait()
            if self._stopping:
                return
            self._changed.clear()
            free = MAX_RUNNING - len(self._running)
            claimed = await self._claim(free) if free else []
            for row in claimed:
                task = asyncio.create_task(self._execute(row))
                self._running.add(task)
                task.add_done_callback(self._finished)
            if claimed and len(claimed) == free:
                self.wake()

    async def _run_every(self, work: PeriodicWork, seconds: float) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ended.wait()
            if self._stopping:
                return
            try:
                await work()
            except Problem:  # the database is unavailable, which is logged elsewhere
                pass
            except Exception as error:  # noqa: BLE001 - the work is repeated after any error
                observability.log_event("periodic-work-failed", "error", error=type(error).__name__)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if len(self._running) == MAX_RUNNING - 1:  # due jobs may have waited for a free slot
            self.wake()

    async def _claim(self, rows: int) -> list[Row]:
        """Claim at most `rows` due jobs for this process, and return them; none if the database is unavailable."""
        try:
            now = clock.now()
            if await self._db.one(_NEXT, now=now) is None:
                return []
            async with self._db.transaction() as tx:
                return await tx.all(_CLAIM, now=now, leased_until=now + self._lease, rows=rows)
        except Problem:
            return []
        except Exception as error:  # noqa: BLE001 - the runner continues after any error
            observability.log_event("jobs-unavailable", "error", error=type(error).__name__)
            return []

    async def _execute(self, row: Row) -> None:
        """Run one job. Delete it if it succeeded or no retry can succeed; otherwise set the time of its retry."""
        error: Exception | None = None
        try:
            if clock.now() >= row["expires_at"]:
                raise JobRejectedError  # noqa: TRY301 - an expired job is dropped like a rejected one
            async with asyncio.timeout(self._lease.total_seconds()):  # then another process may claim it
                await self._handlers[row["kind"]](Job(row["id"], self._decrypted_payload(row), row["created_at"]))
        except Exception as raised:  # noqa: BLE001 - a job may fail in any way; it must not end the runner
            error = raised
        now = clock.now()
        due_at = now + timedelta(seconds=_backoff(row["attempts"]))
        ends = error is None or isinstance(error, JobRejectedError) or due_at >= row["expires_at"]
        if error is not None:
            event = "job-dropped" if ends else "job-failed"
            name = type(error.__cause__ or error).__name__
            observability.log_event(
                event, "error", job_id=row["id"], kind=row["kind"], attempt=row["attempts"], error=name
            )
        error = None  # breaks the reference cycle of exception, traceback and frame
        with suppress(Problem):  # if this fails, the lease ends and the job runs again
            async with self._db.transaction() as tx:
                await (tx.run(_DELETE, id=row["id"]) if ends else tx.run(_RETRY, id=row["id"], due_at=due_at))


def _backoff(attempts: int) -> float:
    """Return the seconds to wait after the attempt with this number, counted from 1."""
    jitter = 0.8 + secrets.randbelow(400) / 1000
    return float(min(MAX_BACKOFF, MIN_BACKOFF * 2 ** (min(attempts, 20) - 1)) * jitter)
