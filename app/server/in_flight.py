"""Admission control and load shedding: limits the requests that a worker answers at the same time.

If a worker accepts more requests than it can answer, it answers none in time. The protocol refuses requests beyond the
limit immediately (503 with `Retry-After`), before a task is created, a token is checked, or a body is read. Two kinds
of requests do not count towards the limit: requests whose body is still arriving, so that slow senders cannot use up
the limit, and long polls and event streams, which wait instead of working (`with limiter.long_poll_slot():`) and have
their own limit. Health checks are never refused.

The limit adapts. While requests are refused, the limit is the number of requests that the worker answers in 30 ms.
Clients pause for less than 30 ms between requests, so the worker stays busy. With a higher limit, requests would only
wait longer. On a slow disk they would wait too long. Their data would also leave the processor's caches, which costs a
fifteenth of the throughput.
"""

import asyncio
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from app import observability
from app.http.cors import AllowedOrigins
from app.http.dialect import JSON_API, Dialect
from app.http.response import Header
from app.problems import Problem, Unavailable
from app.server.prebuilt import PrebuiltResponse
from app.server.shares import RequestShares
from app.server.unread import MAX_UNREAD_BYTES, UnreadResponses
from app.server.waiting_slots import Slot, WaitingSlots
from app.urls import served_below

LIMITER: Final = "in_flight_limiter"
"""The name of the worker's `InFlightLimiter` in the state that the application's lifespan yields."""
TARGET_SECONDS: Final = 0.03
"""While requests are refused, the limit is the number of requests that the worker answers in this time."""
ADJUST_SECONDS: Final = 1.0
"""The time from the first refusal to the adjustment of the limit. If no request is refused for the same time after the
adjustment, the limit returns to its maximum.
"""
OVERLOADED: Final = (
    "The server has reached its limit of concurrent requests, or is about to stop. "
    "Send the same request again after the number of seconds in Retry-After."
)


class InFlightLimiter:
    """The limits that all connections of a worker share, and the counts that are compared with these limits."""

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
        max_unread_bytes: int = MAX_UNREAD_BYTES,
        max_each: int = 16,
        dialects: Iterable[Dialect] = (),
    ) -> None:
        """Start with the limit `max_limit`. A limit below `min_limit` would leave database connections idle.

        At most `max_long_polls` long polls and event streams may be open. Requests for paths that start with one of
        `exempt` are never refused. `headers` are added to every response that the protocol itself sends, and CORS
        headers if the request comes from one of `origins`. A proxy may serve the API below `root_path`. If clients have
        not read `max_unread_bytes` of responses, the slowest connections are closed. One account may have `max_each`
        requests in flight while others have requests, too. Requests for paths below the prefix of one of `dialects` are
        refused in this dialect.
        """
        self.limit = self._max_limit = max_limit
        self._min_limit = min(min_limit, max_limit)
        self.slots = WaitingSlots(max_long_polls)
        """The slots of open long polls and event streams."""
        self.receiving = 0
        """The number of requests whose body is still arriving."""
        self.tasks: Collection[asyncio.Task[Any]] = ()
        """The tasks of all requests that the worker is answering. Each connection adds the tasks of its requests."""
        self.pipelined = 0
        """The number of requests that wait for the response to an earlier request on their connection."""
        self.unread = UnreadResponses(max_unread_bytes)
        self.shares = RequestShares(max_each, lambda: self.limit)
        self.shed = 0
        """The number of requests that this worker has refused with 503 since it started."""
        self.event_streams = 0
        """The number of open event streams."""
        self.draining = asyncio.Event()
        """Set when the server is about to stop. Then `/readyz` fails, and long polls and event streams end."""
        self._exempt = tuple((before + path).encode() for path in exempt for before in {"", root_path})
        self._headers = headers or {}
        self._origins = origins or AllowedOrigins()
        self._root_path = root_path
        self._dialects = {
            (before + dialect.prefix).encode(): dialect for dialect in dialects for before in {"", root_path}
        }
        self._dialect_prefixes = tuple(self._dialects)
        self._overloaded = self.prebuilt(Unavailable(OVERLOADED))
        self._overloaded_below = {
            prefix: self.prebuilt(Unavailable(OVERLOADED), prefix) for prefix in self._dialect_prefixes
        }
        self._refused = 0
        self._first = self._last = 0.0, 0
        """The time of the first refusal since the last adjustment, and the number of requests that had ended by then.

        `_last` has the same values of the last refusal.
        """

    def admits(self, url: bytes, tasks: Collection[asyncio.Task[Any]]) -> bool:
        """Return whether a new request for `url` may be answered now. `tasks` are the tasks of the other requests.

        A finished task stays among `tasks` until the next turn of the event loop, so finished tasks are not counted.
        From the first refusal until the next adjustment of the limit, finished tasks are counted, too, because finding
        them for each request takes too long.
        """
        limit = self.limit + self.slots.taken + self.receiving - self.pipelined
        if len(tasks) < limit or url.startswith(self._exempt):
            return True
        return not self._refused and sum(not task.done() for task in tasks) < limit

    def refuse(self, headers: list[Header], *, ended: int, bodiless: bool, closing: bool, url: bytes) -> bytes:
        """Count a refused request, and return the bytes of the 503 response to it.

        `ended` is the number of requests that the worker has ended so far, including refused ones. `bodiless` omits the
        body, for HEAD. `closing` says in a header that the connection will be closed.
        """
        if not self._refused:
            asyncio.get_running_loop().call_later(ADJUST_SECONDS, self.adjust)
            self._first = monotonic(), ended
        self._last = monotonic(), ended
        self._refused += 1
        self.shed += 1
        found = self._overloaded
        if url.startswith(self._dialect_prefixes):
            found = self._overloaded_below.get(self._prefix_of(url), found)
        return found.render(headers, bodiless=bodiless, closing=closing)

    def prebuilt(self, problem: Problem, url: bytes = b"") -> PrebuiltResponse:
        """Return the response to a request for `url` that the protocol refuses because of `problem`."""
        dialect = self._dialects.get(self._prefix_of(url), JSON_API)
        with served_below(self._root_path):
            return PrebuiltResponse(problem, self._headers, self._origins, dialect)

    def _prefix_of(self, url: bytes) -> bytes:
        """Return the path prefix of the dialect that a URL belongs to, or empty bytes if it belongs to none."""
        return next((each for each in self._dialects if url == each or url.startswith((each + b"/", each + b"?"))), b"")

    @property
    def in_flight(self) -> int:
        """The number of requests that are being answered, or wait for an earlier request on their connection."""
        return len(self.tasks) + self.pipelined - self.slots.taken - self.receiving

    @property
    def long_polls(self) -> int:
        """The number of open long polls, without event streams."""
        return self.slots.taken - self.event_streams

    @contextmanager
    def long_poll_slot(
        self, account: Hashable = None, wake: Callable[[], None] = lambda: None, *, is_stream: bool = False
    ) -> Iterator[Slot]:
        """Count the request as a long poll or event stream of an account during the block.

        Raise `Unavailable` if too many long polls are open, or if the server is shutting down. Call `wake` if the slot
        is given to another account.
        """
        if self.draining.is_set():
            raise Unavailable(OVERLOADED)
        with self.slots.take(account, wake) as slot:
            if slot is None:
                raise Unavailable(OVERLOADED)
            self.event_streams += is_stream
            try:
                yield slot
            finally:
                self.event_streams -= is_stream

    def adjust(self) -> None:
        """Set the limit from the throughput between the first and the last refusal, and log `overloaded`.

        If the first and the last refusal were at most half a second apart, the overload was a short burst: set the
        limit to its maximum.
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
        """Set the limit to its maximum if no request was refused since the last adjustment."""
        if not self._refused:
            self.limit = self._max_limit
