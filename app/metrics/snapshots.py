"""How a worker passes its metrics to the process that serves them.

A worker answers every connection to a Unix socket of its own with a snapshot in JSON. The sockets are in a folder that
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
LAST: Final = ".json"
"""The suffixes of a worker's socket, and of the file with its last counters. Both have the same random name."""
Samples = dict[str, list[tuple[list[str], float]]]
"""The values of each family of metrics: one for each combination of its labels' values."""


class Snapshot(TypedDict):
    """What a worker has counted and measures."""

    requests: list[tuple[list[str], float, list[int]]]
    """For each method, route and status: the seconds of all requests, and the number in each bucket."""
    counters: Samples
    gauges: Samples
    """Gauges of this worker. The page has the sum over all workers."""
    shared: Samples
    """Gauges that every worker reads from the same database. The page has the highest value."""


@asynccontextmanager
async def answering_with(
    folder: Path | None, counters: Callable[[], Snapshot], snapshot: Callable[[], Awaitable[Snapshot]]
) -> AsyncIterator[None]:
    """Answer connections to a socket in `folder` with a snapshot until the block ends, then write the counters to a file.

    Do nothing without a folder. If the socket cannot be created, log it and continue: the API is served without metrics.
    """
    if folder is None:
        yield
        return
    path = folder / secrets.token_hex(4)

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):  # the reader did not wait
            writer.write(orjson.dumps(await snapshot()))
            await writer.drain()
        writer.close()

    unfinished = path.with_suffix(".new")
    try:
        server = await asyncio.start_unix_server(answer, unfinished)
        unfinished.rename(path.with_suffix(SOCKET))  # a socket that refuses a connection is one of a worker that ended
    except OSError as error:
        observability.log_event("metrics-unavailable", "error", error=type(error).__name__)
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):  # the process that serves them has ended, and removed the folder
            unfinished.write_bytes(orjson.dumps(counters()))
            unfinished.rename(path.with_suffix(LAST))  # before the socket is closed: see `Workers`
        server.close()
        path.with_suffix(SOCKET).unlink(missing_ok=True)
