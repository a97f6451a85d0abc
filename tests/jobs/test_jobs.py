"""Jobs: each runs once if it succeeds, is retried if it fails, and is never lost."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.db import Database, Statement, bind
from app.jobs import Backlog, Job, JobRecord, JobRejectedError, Jobs, jobs
from app.problems import Unavailable
from app.sealing import Cipher
from app.settings import Settings
from tests.jobs.conftest import ALL, CIPHER, add, emptied, opened, run
from tests.waiting import later

SOON = 60.0


class Recorder:
    """A handler that records the jobs it runs, and fails at the first attempts."""

    def __init__(self, *failures: Exception) -> None:
        self.ran: list[Job] = []
        self._failures = [*failures]

    async def __call__(self, job: Job) -> None:
        """Run a job."""
        self.ran.append(job)
        if self._failures:
            raise self._failures.pop(0)


SET_PAYLOAD = Statement(sa.update(JobRecord.table()).values(payload=bind(JobRecord.table().c.payload)))


def test_a_job_runs_at_once_after_its_transaction_and_is_gone(settings: Settings) -> None:
    async def work(db: Database, queue: Jobs) -> None:
        handler = Recorder()
        queue.register("test", handler, max_seconds=SOON)
        queue.start()
        for word in ("wisteria", "patience"):
            await add(db, queue, {"word": word})
            await emptied(db)
        assert [job.payload for job in handler.ran] == [{"word": "wisteria"}, {"word": "patience"}]

    run(settings, work)


def test_a_payload_is_stored_sealed_for_its_own_job(settings: Settings, every_log_line: list[str]) -> None:
    begin = len(every_log_line)

    async def work(db: Database, queue: Jobs) -> None:
        for word in ("wisteria", "patience"):
            await add(db, queue, {"word": word})
        rows = await db.all(ALL)
        assert "wisteria" not in str(rows)
        assert all(row["payload"].keys() == {"sealed"} for row in rows)
        await db.run(SET_PAYLOAD, payload=rows[0]["payload"])
        handler = Recorder()
        queue.register("test", handler, max_seconds=SOON)
        queue.start()
        async with asyncio.timeout(10):
            while any(not row["attempts"] for row in await db.all(ALL)):  # noqa: ASYNC110 - rows have no event
                await asyncio.sleep(0.01)
        await queue.stop()
        assert [job.id for job in handler.ran] == [rows[0]["id"]]
        assert ["job-failed" in line and str(rows[1]["id"]) in line for line in every_log_line[begin:]] == [True]

    run(settings, work)


def test_a_job_that_an_earlier_release_queued_runs(settings: Settings) -> None:
    async def work(db: Database, queue: Jobs) -> None:
        await add(db, queue, {"word": "wisteria"})
        await db.run(SET_PAYLOAD, payload={"word": "patience"})
        handler = Recorder()
        queue.register("test", handler, max_seconds=SOON)
        queue.start()
        await emptied(db)
        assert [job.payload for job in handler.ran] == [{"word": "patience"}]

    run(settings, work)


def test_a_job_of_a_transaction_that_is_rolled_back_never_runs(settings: Settings) -> None:
    async def work(db: Database, queue: Jobs) -> None:
        async def fails() -> None:
            async with db.transaction() as tx:
                await queue.add(tx, "test", {})
                raise LookupError

        with pytest.raises(LookupError):
            await fails()
        assert await db.all(ALL) == []

    run(settings, work)


@pytest.mark.usefixtures("quick")
def test_a_failed_job_is_retried_with_the_same_id_until_it_succeeds(
    settings: Settings, every_log_line: list[str]
) -> None:
    begin = len(every_log_line)

    async def work(db: Database, queue: Jobs) -> None:
        handler = Recorder(OSError("wisteria"), ValueError("wisteria"))
        queue.register("test", handler, max_seconds=SOON)
        queue.start()
        await add(db, queue, {"word": "wisteria"})
        await emptied(db)
        assert len(handler.ran) == 3
        assert {(job.id, job.created_at) for job in handler.ran} == {(handler.ran[0].id, handler.ran[0].created_at)}
        lines = [line for line in every_log_line[begin:] if str(handler.ran[0].id) in line]
        assert [("job-failed" in line, '"level":"error"' in line) for line in lines] == [(True, True)] * 2

    run(settings, work)


@pytest.mark.usefixtures("quick")
def test_a_job_that_never_succeeds_is_dropped_when_it_expires_and_logged_by_its_id(
    settings: Settings, every_log_line: list[str]
) -> None:
    begin = len(every_log_line)

    async def work(db: Database, queue: Jobs) -> None:
        handler = Recorder(*[OSError("wisteria")] * 1000)
        queue.register("test", handler, max_seconds=SOON)
        queue.start()
        await add(db, queue, {}, max_age=timedelta(seconds=0.3))
        await emptied(db)
        assert len(handler.ran) > 1
        (line,) = (each for each in every_log_line[begin:] if "job-dropped" in each)
        assert str(handler.ran[0].id) in line

    run(settings, work)


def test_a_job_that_has_expired_is_not_run(settings: Settings, every_log_line: list[str]) -> None:
    begin = len(every_log_line)

    async def work(db: Database, queue: Jobs) -> None:
        handler = Recorder()
        queue.register("test", handler, max_seconds=SOON)
        await add(db, queue, {}, max_age=timedelta(seconds=-1))
        queue.start()
        await emptied(db)
        assert handler.ran == []
        assert any("job-dropped" in line for line in every_log_line[begin:])

    run(settings, work)


def test_a_rejected_job_is_not_retried(settings: Settings) -> None:
    async def work(db: Database, queue: Jobs) -> None:
        handler = Recorder(JobRejectedError())
        queue.register("test", handler, max_seconds=SOON)
        queue.start()
        await add(db, queue, {})
        await emptied(db)
        assert len(handler.ran) == 1

    run(settings, work)


@pytest.mark.usefixtures("quick")
def test_a_process_runs_a_bounded_number_of_jobs_at_once(settings: Settings) -> None:
    async def work(db: Database, queue: Jobs) -> None:
        running, most, may_end = 0, 0, asyncio.Event()

        async def handler(_job: Job) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await may_end.wait()
            running -= 1

        queue.register("test", handler, max_seconds=SOON)
        queue.start()
        for _ in range(3 * jobs.MAX_RUNNING):
            await add(db, queue, {})
        async with asyncio.timeout(10):
            while running < jobs.MAX_RUNNING:  # noqa: ASYNC110 - counted by the handlers
                await asyncio.sleep(0.01)
        may_end.set()
        await emptied(db)
        assert most == jobs.MAX_RUNNING

    run(settings, work)


def test_two_queues_on_one_database_run_each_job_once(settings: Settings) -> None:
    async def work(db: Database, first: Jobs) -> None:
        async with opened(settings) as (_, second):
            handlers = [Recorder(), Recorder()]
            for queue, handler in zip((first, second), handlers, strict=True):
                queue.register("test", handler, max_seconds=SOON)
            for number in range(60):
                await add(db, first, {"number": number})
            first.start()
            second.start()
            async with asyncio.timeout(20):
                while await db.all(ALL):
                    first.wake()
                    second.wake()
                    await asyncio.sleep(0.02)
            ran = [job.payload["number"] for handler in handlers for job in handler.ran]
            assert sorted(ran) == list(range(60))

    run(settings, work)


def test_a_task_beside_the_jobs_is_waited_for_at_the_stop_and_then_cancelled(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "STOP_SECONDS", 1)
    ended: list[str] = []

    async def work(_db: Database, queue: Jobs) -> None:
        async def quick() -> None:
            await asyncio.sleep(0.05)
            ended.append("quick")

        async def hangs() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append("cancelled")

        queue.start()
        queue.start_task(quick())
        queue.start_task(hangs())
        assert (queue.tasks, queue.running) == (2, 0)
        await queue.stop()
        await asyncio.sleep(0)
        assert ended == ["quick", "cancelled"]

    run(settings, work)


def test_a_job_that_a_stopped_process_had_claimed_runs_again_once_its_lease_has_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "STOP_SECONDS", 0.05)

    async def work(db: Database, queue: Jobs) -> None:
        started = asyncio.Event()

        async def hangs(_job: Job) -> None:
            started.set()
            await asyncio.sleep(60)

        queue.register("test", hangs, max_seconds=SOON)
        queue.start()
        await add(db, queue, {"word": "wisteria"})
        await started.wait()
        await queue.stop()
        (left,) = await db.all(ALL)
        assert left["attempts"] == 1
        other, handler = Jobs(db, CIPHER), Recorder()
        other.register("test", handler, max_seconds=SOON)
        monkeypatch.setattr("app.jobs.jobs.clock.now", lambda: left["due_at"] + timedelta(seconds=1))
        other.start()
        await emptied(db)
        await other.stop()
        assert [(job.id, job.payload) for job in handler.ran] == [(left["id"], {"word": "wisteria"})]

    run(settings, work)


@pytest.mark.usefixtures("quick")
def test_a_queue_outlives_a_database_that_is_unavailable(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(db: Database, queue: Jobs) -> None:
        handler, real, failures = Recorder(), db.one, iter(range(3))

        async def one(*parts: object, **values: object) -> object:
            if (number := next(failures, None)) is not None:
                raise Unavailable if number else KeyError
            return await real(*parts, **values)  # type: ignore[arg-type]

        monkeypatch.setattr(db, "one", one)
        queue.register("test", handler, max_seconds=SOON)
        queue.start()
        await add(db, queue, {})
        await emptied(db)
        assert len(handler.ran) == 1

    run(settings, work)


@pytest.mark.parametrize(
    ("attempts", "least", "most"), [(1, 4, 6), (2, 8, 12), (6, 128, 192), (20, 1440, 2160), (500, 1440, 2160)]
)
def test_each_backoff_is_twice_as_long_up_to_half_an_hour(attempts: int, least: float, most: float) -> None:
    assert all(least <= jobs._backoff(attempts) <= most for _ in range(50))  # noqa: SLF001 - what decides when


def test_the_backlog_is_counted_by_whether_jobs_are_due(settings: Settings) -> None:
    async def work(db: Database, queue: Jobs) -> None:
        ends = asyncio.Event()

        async def handler(_: Job) -> None:
            await ends.wait()

        assert await queue.backlog() == {True: Backlog(), False: Backlog()}
        await add(db, queue, {})
        await add(db, queue, {})
        with later(seconds=30):
            backlog = await queue.backlog()
            assert (backlog[True].jobs, backlog[False]) == (2, Backlog())
            assert 30 <= backlog[True].oldest_seconds < 60
        queue.register("test", handler, max_seconds=SOON)
        queue.start()
        async with asyncio.timeout(10):
            while queue.running < 2:  # noqa: ASYNC110 - the queue has no event for it
                await asyncio.sleep(0.01)
        backlog = await queue.backlog()
        assert (backlog[True], backlog[False].jobs) == (Backlog(), 2)
        ends.set()
        await emptied(db)

    run(settings, work)


def test_jobs_are_found_by_their_payload_and_deleted(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PAGE_ROWS", 2)

    async def work(db: Database, queue: Jobs) -> None:
        assert await queue.find(lambda _: True) == []
        for word in ("wisteria", "patience", "wisteria", "lantern"):
            await add(db, queue, {"word": word})
        await add(db, Jobs(db, Cipher(bytes(31) + b"1")), {"word": "wisteria"})  # sealed by another key
        found = await queue.find(lambda payload: payload["word"] == "wisteria")
        assert len(found) == 2
        async with db.transaction() as tx:
            await queue.delete(tx, found)
        assert await queue.find(lambda payload: payload["word"] == "wisteria") == []
        assert len(await queue.find(lambda _: True)) == 2
        assert len(await db.all(ALL)) == 3

    run(settings, work)


def test_periodic_work_is_repeated_whatever_it_raises_and_ends_with_the_process(
    settings: Settings, every_log_line: list[str]
) -> None:
    begin = len(every_log_line)
    raised: list[Exception] = [Unavailable(), RuntimeError("wisteria")]
    ran: list[None] = []

    async def work(_db: Database, queue: Jobs) -> None:
        async def look() -> None:
            ran.append(None)
            if raised:
                raise raised.pop(0)

        queue.repeat(look, 0.01)
        queue.start()
        async with asyncio.timeout(10):
            while len(ran) < 4:  # noqa: ASYNC110 - the work has no event
                await asyncio.sleep(0.01)
        await queue.stop()
        count = len(ran)
        await asyncio.sleep(0.05)
        assert len(ran) == count

    run(settings, work)
    failures = [line for line in every_log_line[begin:] if "periodic-work-failed" in line]
    assert len(failures) == 1
    assert '"error":"RuntimeError"' in failures[0]
