"""Admission control and load shedding: how many requests a worker answers at once.

A worker that accepts more requests than it can answer answers none in time. A request beyond the limit is refused at
once (503 with `Retry-After`): by the protocol, before a task is created, a token checked, or a body read. Two kinds of
request do not count towards the limit: a request whose body is still arriving, so that slow senders cannot use it up,
and a long poll or an event stream, which waits instead of working (`with limiter.long_poll_slot():`) and has a limit of
its own. Health checks are never refused.

The limit adapts. While requests are refused, it is the number of requests that the worker answers in 30 ms. Clients
pause for less than that between requests, so the worker stays busy. A higher limit only makes requests wait: they wait
too long on a slow disk, and their data leaves the processor's caches, which costs a fifteenth of the throughput.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from app import observability
from app.http.cors import AllowedOrigins
from app.http.response import Header
from app.problems import Problem, Unavailable
from app.server.prebuilt import PrebuiltResponse
from app.urls import served_below

LIMITER: Final = "in_flight_limiter"
"""The key of a worker's limiter in the state that its lifespan yields."""
TARGET_SECONDS: Final = 0.03
"""While requests are refused, as many are in flight as are answered in this time."""
ADJUST_SECONDS: Final = 1.0
"""From the first refusal to the next adjustment of the limit, and from there to its removal if refusals have stopped."""
OVERLOADED: Final = (
    "The server has reached its limit of concurrent requests, or is about to stop. "
    "Send the same request again after the seconds in Retry-After."
)


class InFlightLimiter:
    """The limits that all connections of a worker share."""

    def __init__(
        self,
        max_limit: int = 256,
        max_long_polls: int = 1000,
        *,
        min_limit: int = 32,
        exempt: Iterable[str] = (),
        headers: Mapping[bytes, bytes] | None = None,
        origins: AllowedOrigins | None = None,
        root_path: str = "",
    ) -> None:
        """Start with `max_limit`. A limit below `min_limit` would leave database connections idle.

        Paths that start with one of `exempt` are never refused. `headers` are added to every response of the protocol
        itself, and the CORS headers if the request comes from one of `origins`. A proxy may serve the API below
        `root_path`.
        """
        self.limit = self._max_limit = max_limit
        self._min_limit = min(min_limit, max_limit)
        self.max_long_polls = max_long_polls
        self.receiving = 0
        """The number of requests whose body is still arriving."""
        self.tasks: Collection[asyncio.Task[Any]] = ()
        """The server's requests, which every connection adds its own to."""
        self.shed = 0
        """The number of requests refused since the start."""
        self.event_streams = 0
        """The number of open event streams."""
        self.draining = asyncio.Event()
        """Set when the server is about to stop: it is not ready any more, and long polls and event streams end."""
        self._long_polls = 0
        """The number of open long polls and event streams."""
        self._exempt = tuple((before + path).encode() for path in exempt for before in {"", root_path})
        self._headers = headers or {}
        self._origins = origins or AllowedOrigins()
        self._root_path = root_path
        self._overloaded = self.prebuilt(Unavailable(OVERLOADED))
        self._refused = 0
        self._first = self._last = 0.0, 0
        """When the first and the last request since the last adjustment were refused, and how many had ended by then."""

    def admits(self, url: bytes, tasks: Collection[asyncio.Task[Any]]) -> bool:
        """Return whether one more request can be answered besides those of `tasks`.

        A task that is done stays among `tasks` until the loop's next turn. So done tasks are subtracted, but only before
        the first refusal since the last adjustment, because counting them takes too long to do for each refusal.
        """
        limit = self.limit + self._long_polls + self.receiving
        if len(tasks) < limit or url.startswith(self._exempt):
            return True
        return not self._refused and sum(not task.done() for task in tasks) < limit

    def refuse(self, headers: list[Header], *, ended: int, bodiless: bool, closing: bool) -> bytes:
        """Count a refusal, and return the bytes of its response.

        `ended` is the number of requests that the server has ended so far, refused ones included.
        """
        if not self._refused:
            asyncio.get_running_loop().call_later(ADJUST_SECONDS, self.adjust)
            self._first = monotonic(), ended
        self._last = monotonic(), ended
        self._refused += 1
        self.shed += 1
        return self._overloaded.render(headers, bodiless=bodiless, closing=closing)

    def prebuilt(self, problem: Problem) -> PrebuiltResponse:
        """Return the response to a request that the protocol refuses because of `problem`."""
        with served_below(self._root_path):
            return PrebuiltResponse(problem, self._headers, self._origins)

    @property
    def in_flight(self) -> int:
        """The number of requests that are being answered now."""
        return len(self.tasks) - self._long_polls - self.receiving

    @property
    def long_polls(self) -> int:
        """The number of open long polls, without event streams."""
        return self._long_polls - self.event_streams

    @contextmanager
    def long_poll_slot(self, *, is_stream: bool = False) -> Iterator[None]:
        """Count the request as a long poll or event stream until the block ends.

        Raise `Unavailable` if there are too many, or if the server is shutting down.
        """
        if self._long_polls >= self.max_long_polls or self.draining.is_set():
            raise Unavailable(OVERLOADED)
        self._long_polls += 1
        self.event_streams += is_stream
        try:
            yield
        finally:
            self._long_polls -= 1
            self.event_streams -= is_stream

    def adjust(self) -> None:
        """Set the limit by the throughput between the first and the last refusal, and log the number of refusals.

        If they were less than half a second apart, it was a burst: the limit stays at its maximum.
        """
        (start, ended_before), (end, ended_after) = self._first, self._last
        answered, seconds = ended_after - ended_before - self._refused + 1, end - start
        is_burst = seconds <= ADJUST_SECONDS / 2
        affordable = self._max_limit if is_burst else int(answered / seconds * TARGET_SECONDS)
        self.limit = max(self._min_limit, min(self._max_limit, affordable))
        observability.log_event("overloaded", refused=self._refused, limit=self.limit)
        self._refused = 0
        asyncio.get_running_loop().call_later(ADJUST_SECONDS, self._reset)

    def _reset(self) -> None:
        """Return to the maximum if no request was refused since the last adjustment."""
        if not self._refused:
            self.limit = self._max_limit
