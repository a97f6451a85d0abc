"""Passes the metrics of a worker to the process that serves them.

A worker has its own Unix socket, and answers every connection with a snapshot in JSON. The sockets are in a folder that
only this user may enter. A worker that stops writes its last counters to a file, so that they are not lost.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, TypedDict

import orjson

from app import observability

SOCKET: Final = ".sock"
"""The suffix of the name of a worker's Unix socket."""
LAST_COUNTERS: Final = ".json"
"""The suffix of the file with a worker's last counters. Otherwise, its name is that of the socket."""
Samples = dict[str, list[tuple[list[str], float]]]
"""The samples of metrics, by the metric's name. A sample is a pair: the values of the labels, and the measured
number."""


class Snapshot(TypedDict):
    """The counters and gauges of a worker."""

    requests: list[tuple[list[str], float, list[int]]]
    """For each method, route and status: the total duration in seconds, and the number of requests in each bucket."""
    counters: Samples
    gauges: Samples
    """Gauges of this worker. The page shows the sum over all workers."""
    shared: Samples
    """Gauges that every worker reads from the same database. The page shows the highest value."""


@asynccontextmanager
async def serve_snapshots(
    folder: Path | None, counters: Callable[[], Snapshot], snapshot: Callable[[], Awaitable[Snapshot]]
) -> AsyncIterator[None]:
    """Inside the `async with` block, answer every connection to a new socket in `folder` with the result of `snapshot`.

    At the end, write the result of `counters` to a file. Do nothing if `folder` is None. If the socket cannot be
    created, log `metrics-unavailable` and continue without metrics.
    """
    if folder is None:
        yield
        return
    path = folder / secrets.token_hex(4)

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):  # the reader has closed the connection
            writer.write(orjson.dumps(await snapshot()))
            await writer.drain()
        writer.close()

    unfinished = path.with_suffix(".new")
    try:
        server = await asyncio.start_unix_server(answer, unfinished)
        unfinished.rename(path.with_suffix(SOCKET))  # only now: if the socket refuses, the worker has ended
    except OSError as error:
        observability.log_event("metrics-unavailable", "error", error=type(error).__name__)
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):  # the process that serves the metrics may have ended and removed the folder
            unfinished.write_bytes(orjson.dumps(counters()))
            unfinished.rename(path.with_suffix(LAST_COUNTERS))  # before the socket is closed: see `Workers`
        server.close()
        path.with_suffix(SOCKET).unlink(missing_ok=True)
