"""The places of one worker: how many requests it has in hand at once, and how many callers it lets wait.

A worker that takes on more than it can do serves nobody in time. A request that finds no place free is told so at once
(503, `Retry-After`): by the edge, after its limits and before a task is made, a token looked at or a body read. Not
counted is a body that is still on its way, so that slow senders keep nobody out, and who waits for news rather than for
work: a long poll or a stream says so by `with places.waiting():` and is counted apart. Whoever asks after the server's
health always gets in.

How many places there are follows from what they are worth: as long as requests are refused, only as many as were answered
in 30 ms, which is longer than callers pause. What more would be taken on would only wait: on a slow disk too long, and
everywhere out of the processor's caches, which cost a fifteenth of the answers.

Once `ending` is set the server is about to stop: it is not ready any more, and who waits should let go.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from app import observability
from app.http.cors import allowing
from app.http.prebuilt import PrebuiltResponse, lines
from app.http.response import Header
from app.problems import Problem, Unavailable
from app.server.glance import Glance

WORTH_SECONDS: Final = 0.03
REVIEW_SECONDS: Final = 1.0
FULL: Final = "The server has as many requests in hand as it can serve in time."


class InFlightLimiter:
    """What the connections of one worker share."""

    def __init__(
        self,
        most: int = 256,
        most_waiting: int = 1000,
        *,
        least: int = 32,
        always: Iterable[str] = (),
        headers: Mapping[bytes, bytes] | None = None,
        origins: Iterable[str] = (),
    ) -> None:
        """Paths that begin as one of `always` are never refused; `headers` go with each refusal, to named `origins`.

        `least` places are always there: fewer would leave a database's connections idle.
        """
        self._headers = headers or {}
        self._origins = {origin: lines(found) for origin, found in allowing(origins).items()}
        self.most = self._cap = most
        self._least = min(least, most)
        self.most_waiting = most_waiting
        self.glance = Glance()
        """What one whole request can be refused by; no connection looks for longer than a moment."""
        self.receiving = 0
        """Requests whose body is still on its way."""
        self.draining = asyncio.Event()
        self._waiting = 0
        self._always = tuple(path.encode() for path in always)
        self._refusal = self.refused(Unavailable(FULL))
        self._refused = 0
        self._first = self._last = 0.0, 0

    def admits(self, url: bytes, tasks: Collection[asyncio.Task[Any]]) -> bool:
        """Say whether one more request can be taken beside these.

        Who is answered has left, though its task, which has ended, is among them until the loop's next turn: they are
        looked through before anybody is refused, but not for each who is refused after that.
        """
        most = self.most + self._waiting + self.receiving
        if len(tasks) < most or url.startswith(self._always):
            return True
        return not self._refused and sum(not task.done() for task in tasks) < most

    def refusal(self, headers: list[Header], *, ended: int, bodiless: bool, closing: bool) -> bytes:
        """Return the bytes that tell a request to come back later, when so many have ended, those refused included."""
        if not self._refused:
            asyncio.get_running_loop().call_later(REVIEW_SECONDS, self.review)
            self._first = monotonic(), ended
        self._last = monotonic(), ended
        self._refused += 1
        return self._refusal.spelled(headers, bodiless=bodiless, closing=closing)

    def refused(self, problem: Problem) -> PrebuiltResponse:
        """Return what tells a request of a problem, as this server tells everybody."""
        return PrebuiltResponse(problem, self._headers, self._origins)

    @contextmanager
    def long_poll_slot(self) -> Iterator[None]:
        """Wait for news in here: the request gives its place to others. Raise `Unavailable` where too many wait, or
        would at once be let go.
        """
        if self._waiting >= self.most_waiting or self.draining.is_set():
            raise Unavailable(FULL)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def review(self) -> None:
        """Tell of the last second's refusals, and have as many places as they are worth; all, after a mere burst."""
        (began, before), (ended, after) = self._first, self._last
        answered, seconds = after - before - self._refused + 1, ended - began
        worth = int(answered / seconds * WORTH_SECONDS) if seconds > REVIEW_SECONDS / 2 else self._cap
        self.most = max(self._least, min(self._cap, worth))
        observability.log_event("overloaded", refused=self._refused, limiter=self.most)
        self._refused = 0
        asyncio.get_running_loop().call_later(REVIEW_SECONDS, self._calm)

    def _calm(self) -> None:
        if not self._refused:
            self.most = self._cap
