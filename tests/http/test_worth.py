"""The worth of places: there are as many as were answered in a while, as long as requests are refused."""

import asyncio

import pytest

from app.problems import Unavailable
from app.server.in_flight import InFlightLimiter


def test_no_more_wait_than_may_and_who_waits_or_was_answered_leaves_a_place() -> None:
    async def looked() -> None:
        limiter, gate = InFlightLimiter(1, 1), asyncio.Event()
        ended, running = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(gate.wait())
        await asyncio.wait([ended])
        with limiter.long_poll_slot():
            with pytest.raises(Unavailable), limiter.long_poll_slot():
                pass
            assert limiter.admits(b"/", {running})
        with limiter.long_poll_slot():
            pass
        assert limiter.admits(b"/", {ended})
        assert not limiter.admits(b"/", {ended, running})
        limiter.refusal([], ended=0, bodiless=True, closing=True)
        assert not limiter.admits(b"/", {ended})  # not looked through for each who is refused
        gate.set()
        await running

    asyncio.run(looked())


def overloaded(monkeypatch: pytest.MonkeyPatch, limiter: InFlightLimiter, seconds: float, answered: int) -> None:
    """Refuse two requests, so many seconds apart, with so many answered between."""
    moments = iter([10.0, 10.0, 10.0 + seconds])
    monkeypatch.setattr("app.server.in_flight.monotonic", lambda: next(moments))
    limiter.refusal([], ended=7, bodiless=True, closing=True)
    limiter.refusal([], ended=7 + 1 + answered, bodiless=True, closing=True)
    limiter.review()


@pytest.mark.parametrize(
    ("seconds", "answered", "left"),
    [(0.75, 3000, 120), (0.75, 1500, 60), (0.75, 9000, 256), (0.75, 0, 32), (0.25, 0, 256)],
    ids=["as fast as can be hoped", "slower", "faster", "not at all", "a mere burst"],
)
def test_there_are_as_many_places_as_they_are_worth(
    seconds: float, answered: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def seen() -> int:
        limiter = InFlightLimiter(256)
        overloaded(monkeypatch, limiter, seconds, answered)
        return limiter.most

    assert asyncio.run(seen()) == left


def test_all_places_are_back_once_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.in_flight.REVIEW_SECONDS", 0.1)

    async def seen() -> tuple[int, int]:
        limiter = InFlightLimiter(256)
        overloaded(monkeypatch, limiter, 0.75, 1500)
        before = limiter.most
        await asyncio.sleep(0.5)
        return before, limiter.most

    assert asyncio.run(seen()) == (60, 256)
