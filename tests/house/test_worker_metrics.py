"""The metrics between a worker and the process that serves them: late workers, workers that ended, broken answers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import asyncpg
import pytest

from app import snapshot as snapshot_module
from app.metrics import Snapshot, serve_snapshots, workers
from app.metrics.counts import BOUNDS, OTHER_METHOD, Counts
from app.metrics.snapshots import SOCKET
from app.metrics.workers import Totals, Workers
from app.snapshot import Snapshots
from tests.conftest import Servers

SESSIONS = ["GET", "/v1/sessions", "200"]
BUCKETS = [2, *(0 for _ in BOUNDS)]
SHED = ("requests_shed", ())
IN_FLIGHT = ("requests_in_flight", ())


def snapshot(shed: float, in_flight: float = 0, jobs: float = 0) -> Snapshot:
    """Return the snapshot of a worker that answered two requests in a second each."""
    return {
        "requests": [(SESSIONS, 2.0, BUCKETS)],
        "counters": {"requests_shed": [([], shed)]},
        "gauges": {"requests_in_flight": [([], in_flight)]},
        "shared": {"jobs": [(["due"], jobs)]},
    }


@asynccontextmanager
async def worker(folder: Path | None, content: Snapshot) -> AsyncIterator[None]:
    """Answer with a snapshot during the block, as a worker does."""

    async def take() -> Snapshot:
        return content

    async with serve_snapshots(folder, lambda: content, take):
        yield


def read_while(folder: Path, reader: Workers, *running: Snapshot) -> Totals:
    """Return what the reader reads while these workers run."""

    async def read() -> Totals:
        async with AsyncExitStack() as stack:
            for each in running:
                await stack.enter_async_context(worker(folder, each))
            return await asyncio.to_thread(reader.read)

    return asyncio.run(read())


def unresponsive(path: Path, backlog: int = 10) -> socket.socket:
    """Return a socket that accepts connections and does not answer."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(backlog)
    return listener


def test_counters_and_gauges_are_added_and_of_what_workers_share_the_highest_counts(tmp_path: Path) -> None:
    totals = read_while(tmp_path, Workers(tmp_path), snapshot(1, 2, 3), snapshot(10, 20, 4))
    assert totals.answered == 2
    assert totals.counters == {SHED: 11}
    assert totals.gauges == {IN_FLIGHT: 22, ("jobs", ("due",)): 4}
    assert totals.requests == {tuple(SESSIONS): (4.0, [2 * each for each in BUCKETS])}


def test_the_counters_of_a_worker_that_ended_are_kept(tmp_path: Path) -> None:
    reader = Workers(tmp_path)
    read_while(tmp_path, reader, snapshot(1, 2))
    for shed in (11, 21):
        totals = read_while(tmp_path, reader, snapshot(10, 5))
        assert totals.counters == {SHED: shed}
        assert totals.gauges[IN_FLIGHT] == 5
    assert reader.read().counters == {SHED: 21}
    assert reader.read().answered == 0
    assert not [*tmp_path.iterdir()]


def test_a_worker_that_was_killed_keeps_the_counters_of_its_last_answer(tmp_path: Path) -> None:
    reader = Workers(tmp_path)
    read_while(tmp_path, reader, snapshot(1))
    (left,) = tmp_path.iterdir()
    unresponsive(left.with_suffix(SOCKET)).close()
    left.unlink()
    assert reader.read().counters == {SHED: 1}
    assert not [*tmp_path.iterdir()]
    unresponsive(tmp_path / f"never-read{SOCKET}").close()
    assert reader.read().counters == {SHED: 1}


@pytest.mark.parametrize("backlog", [10, 0], ids=["late", "accepts no connection"])
def test_of_a_worker_that_is_late_the_last_counters_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backlog: int
) -> None:
    reader = Workers(tmp_path)
    read_while(tmp_path, reader, snapshot(1, 2))
    (left,) = tmp_path.iterdir()
    left.unlink()
    monkeypatch.setattr(workers, "MAX_SECONDS", 0.1)
    with closing(unresponsive(left.with_suffix(SOCKET), backlog)), socket.socket(socket.AF_UNIX) as first:
        first.connect(str(left.with_suffix(SOCKET)))
        for _ in range(2):
            totals = reader.read()
            assert totals.counters == {SHED: 1}
            assert totals.gauges == {}
            assert totals.answered == 0


def test_an_answer_that_ends_too_soon_is_ignored(tmp_path: Path) -> None:
    async def read() -> Totals:
        async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'{"requests":')
            writer.close()

        async with await asyncio.start_unix_server(hang_up, tmp_path / f"broken{SOCKET}"):
            return await asyncio.to_thread(Workers(tmp_path).read)

    assert asyncio.run(read()) == Totals()


def test_without_a_folder_or_without_a_socket_a_worker_serves_all_the_same(
    tmp_path: Path, every_log_line: list[str]
) -> None:
    async def serve(folder: Path | None) -> None:
        async with worker(folder, snapshot(1)):
            pass

    begin = len(every_log_line)
    asyncio.run(serve(None))
    assert every_log_line[begin:] == []
    asyncio.run(serve(tmp_path / "nowhere"))
    (line,) = every_log_line[begin:]
    assert '"event":"metrics-unavailable"' in line


def test_a_worker_ends_also_if_the_folder_was_removed(tmp_path: Path) -> None:
    folder = tmp_path / "removed"
    folder.mkdir()

    async def serve() -> None:
        async with worker(folder, snapshot(1)):
            (socket_path,) = folder.iterdir()
            socket_path.unlink()
            folder.rmdir()

    asyncio.run(serve())
    assert Workers(folder).read() == Totals()


@pytest.mark.parametrize(("seconds", "bucket"), [(0.0, 0), (0.001, 0), (0.0011, 1), (10.0, 12), (10.1, 13)])
def test_a_request_is_counted_in_the_first_bucket_that_holds_its_time(seconds: float, bucket: int) -> None:
    counts = Counts()
    counts.count_request("GET", "/v1/sessions", 200, seconds)
    histogram = counts.requests["GET", "/v1/sessions", 200]
    assert [index for index, number in enumerate(histogram.buckets) if number] == [bucket]
    assert histogram.seconds == seconds


def test_methods_that_are_not_known_have_one_label() -> None:
    counts = Counts()
    for method in ("PURGE", "M-SEARCH", "wisteria"):
        counts.count_request(method, "-", 405, 0.1)
    assert [*counts.requests] == [(OTHER_METHOD, "-", 405)]


def test_a_snapshot_does_not_wait_for_a_database_that_is_late(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query continues meanwhile, and is not repeated."""
    monkeypatch.setattr(snapshot_module, "MAX_DATABASE_SECONDS", 0.2)
    server = servers.start(servers.settings("postgresql", database_pool=3))
    snapshots = Snapshots(server.services)
    assert {"jobs", "jobs_oldest_age_seconds"} == server.run(snapshots.snapshot())["shared"].keys()
    url = server.settings.database_url

    async def snapshots_while_locked() -> list[Snapshot]:
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            await connection.execute("LOCK TABLE job IN ACCESS EXCLUSIVE MODE")
            taken = [await snapshots.snapshot() for _ in range(3)]
        await connection.close()
        return taken

    for taken in server.run(snapshots_while_locked()):
        assert taken["shared"] == {}
        assert taken["gauges"]["database_pool_in_use"][0][1] <= 2  # of this query, and of the runner of jobs
    assert "jobs" in server.run(snapshots.snapshot())["shared"]
    server.end_test()
