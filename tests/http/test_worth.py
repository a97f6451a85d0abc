"""The worth of places: there are as many as were answered in a while, as long as requests are refused."""

import asyncio

import pytest

from app.http import Places
from app.problems import Unavailable


def test_no_more_wait_than_may_and_who_waits_or_was_answered_leaves_a_place() -> None:
    async def looked() -> None:
        places, gate = Places(1, 1), asyncio.Event()
        ended, running = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(gate.wait())
        await asyncio.wait([ended])
        with places.waiting():
            with pytest.raises(Unavailable), places.waiting():
                pass
            assert places.has_one_for(b"/", {running})
        with places.waiting():
            pass
        assert places.has_one_for(b"/", {ended})
        assert not places.has_one_for(b"/", {ended, running})
        places.refusal([], ended=0, bodiless=True, closing=True)
        assert not places.has_one_for(b"/", {ended})  # not looked through for each who is refused
        gate.set()
        await running

    asyncio.run(looked())


def overloaded(monkeypatch: pytest.MonkeyPatch, places: Places, seconds: float, answered: int) -> None:
    """Refuse two requests, so many seconds apart, with so many answered between."""
    moments = iter([10.0, 10.0, 10.0 + seconds])
    monkeypatch.setattr("app.http.places.monotonic", lambda: next(moments))
    places.refusal([], ended=7, bodiless=True, closing=True)
    places.refusal([], ended=7 + 1 + answered, bodiless=True, closing=True)
    places.review()


@pytest.mark.parametrize(
    ("seconds", "answered", "left"),
    [(0.75, 3000, 120), (0.75, 1500, 60), (0.75, 9000, 256), (0.75, 0, 32), (0.25, 0, 256)],
    ids=["as fast as can be hoped", "slower", "faster", "not at all", "a mere burst"],
)
def test_there_are_as_many_places_as_they_are_worth(
    seconds: float, answered: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def seen() -> int:
        places = Places(256)
        overloaded(monkeypatch, places, seconds, answered)
        return places.most

    assert asyncio.run(seen()) == left


def test_all_places_are_back_once_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.places.REVIEW_SECONDS", 0.1)

    async def seen() -> tuple[int, int]:
        places = Places(256)
        overloaded(monkeypatch, places, 0.75, 1500)
        before = places.most
        await asyncio.sleep(0.5)
        return before, places.most

    assert asyncio.run(seen()) == (60, 256)
