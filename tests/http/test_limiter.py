"""The limiter by itself: what it admits, and how its limit adapts."""

import asyncio

import pytest

from app.problems import Unavailable
from app.server.in_flight import InFlightLimiter


def test_long_polls_are_limited_and_raise_the_limit_while_done_tasks_do_not_count() -> None:
    async def check() -> None:
        limiter, event = InFlightLimiter(1, 1), asyncio.Event()
        done, running = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(event.wait())
        await asyncio.wait([done])
        with limiter.long_poll_slot():
            with pytest.raises(Unavailable), limiter.long_poll_slot():
                pass
            assert limiter.admits(b"/", {running})
        with limiter.long_poll_slot():
            pass
        assert limiter.admits(b"/", {done})
        assert not limiter.admits(b"/", {done, running})
        limiter.refuse([], ended=0, bodiless=True, closing=True, url=b"/")
        assert not limiter.admits(b"/", {done})  # done tasks are subtracted only before the first refusal
        event.set()
        await running

    asyncio.run(check())


def refuse_two(monkeypatch: pytest.MonkeyPatch, limiter: InFlightLimiter, seconds: float, answered: int) -> None:
    """Refuse two requests `seconds` apart, between which `answered` requests are answered; then adjust the limit."""
    moments = iter([10.0, 10.0, 10.0 + seconds])
    monkeypatch.setattr("app.server.in_flight.monotonic", lambda: next(moments))
    limiter.refuse([], ended=7, bodiless=True, closing=True, url=b"/")
    limiter.refuse([], ended=7 + 1 + answered, bodiless=True, closing=True, url=b"/")
    limiter.adjust()


@pytest.mark.parametrize(
    ("seconds", "answered", "limit"),
    [(0.75, 3000, 120), (0.75, 1500, 60), (0.75, 9000, 256), (0.75, 0, 32), (0.25, 0, 256)],
    ids=["4000 a second", "2000 a second", "the maximum", "the minimum", "a burst"],
)
def test_the_limit_is_what_is_answered_in_the_target_time(
    seconds: float, answered: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def adjusted() -> int:
        limiter = InFlightLimiter(256)
        refuse_two(monkeypatch, limiter, seconds, answered)
        return limiter.limit

    assert asyncio.run(adjusted()) == limit


def test_the_limit_returns_to_its_maximum_when_refusals_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.in_flight.ADJUST_SECONDS", 0.1)

    async def limits() -> tuple[int, int]:
        limiter = InFlightLimiter(256)
        refuse_two(monkeypatch, limiter, 0.75, 1500)
        before = limiter.limit
        await asyncio.sleep(0.5)
        return before, limiter.limit

    assert asyncio.run(limits()) == (60, 256)
