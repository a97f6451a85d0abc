"""Shares: an account has more requests at once than its share only while nobody else has one."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from app.problems import Unavailable
from app.server import shares as module
from app.server.shares import RequestShares


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def entered(shares: RequestShares, account: str, count: int) -> list[bool]:
    """Enter `count` requests; return for each whether it was counted."""
    return [shares.enter(account) for _ in range(count)]


def test_alone_an_account_may_have_more_than_its_share() -> None:
    shares = RequestShares(2, lambda: 100)
    assert entered(shares, "alice", 5) == [True] * 5


def test_beside_others_further_requests_wait_and_the_oldest_comes_first() -> None:
    async def check() -> None:
        shares = RequestShares(2, lambda: 100)
        assert entered(shares, "bob", 1) == [True]
        assert entered(shares, "alice", 3) == [True, True, False]
        waiting = [asyncio.create_task(shares.wait("alice")) for _ in range(3)]
        await asyncio.sleep(0)
        shares.leave("alice")
        await asyncio.sleep(0)
        assert [task.done() for task in waiting] == [True, False, False]
        assert entered(shares, "alice", 1) == [False]
        shares.leave("bob")  # now nobody else has a request
        await asyncio.gather(*waiting)
        assert entered(shares, "bob", 3) == [True, True, False]

    run(check())


def test_too_many_that_wait_are_refused() -> None:
    async def check() -> None:
        shares = RequestShares(2, lambda: 10)
        assert entered(shares, "bob", 1) == [True]
        assert entered(shares, "alice", 2) == [True, True]
        waiting = [asyncio.create_task(shares.wait("alice")) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):  # five of ten
            await shares.wait("alice")
        for _ in range(2):
            shares.leave("alice")
        await asyncio.wait(waiting, timeout=0.01)
        assert sum(task.done() for task in waiting) == 2
        waiting[2].cancel()
        await asyncio.wait(waiting)
        for _ in range(2):
            shares.leave("alice")
        assert entered(shares, "alice", 2) == [True, True]

    run(check())


def test_a_refusal_leaves_nothing_behind() -> None:
    async def check() -> None:
        shares = RequestShares(1, lambda: 4)
        assert entered(shares, "alice", 2) + entered(shares, "bob", 1) == [True] * 3
        with pytest.raises(Unavailable):
            await shares.wait("alice")
        shares.leave("bob")
        assert entered(shares, "alice", 2) == [True, True]

    run(check())


def test_one_that_is_cancelled_before_its_turn_is_passed_over() -> None:
    async def check() -> None:
        shares = RequestShares(1, lambda: 100)
        assert entered(shares, "bob", 1) + entered(shares, "alice", 1) == [True, True]
        first, second = (asyncio.create_task(shares.wait("alice")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        shares.leave("alice")
        await asyncio.wait([first, second], timeout=1)
        assert (first.cancelled(), second.done()) == (True, True)
        assert entered(shares, "alice", 1) == [False]

    run(check())


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAIT_SECONDS", 0.01)

    async def check() -> None:
        shares = RequestShares(1, lambda: 100)
        assert entered(shares, "bob", 1) + entered(shares, "alice", 1) == [True, True]
        with pytest.raises(Unavailable):
            await shares.wait("alice")
        shares.leave("alice")
        assert entered(shares, "alice", 2) == [True, False]

    run(check())


def test_one_that_is_cancelled_as_its_turn_comes_passes_it_on() -> None:
    async def check() -> None:
        shares = RequestShares(1, lambda: 100)
        assert entered(shares, "bob", 1) + entered(shares, "alice", 1) == [True, True]
        first, second = (asyncio.create_task(shares.wait("alice")) for _ in range(2))
        await asyncio.sleep(0)
        shares.leave("alice")
        first.cancel()
        await asyncio.wait([first, second], timeout=1)
        assert (first.cancelled(), second.done()) == (True, True)

    run(check())


def test_a_request_that_waits_for_changes_does_not_count() -> None:
    shares = RequestShares(1, lambda: 100)
    assert entered(shares, "bob", 1) + entered(shares, "alice", 1) == [True, True]
    with shares.paused("alice"), shares.paused("clinic"):
        assert entered(shares, "alice", 2) == [True, False]
    shares.leave("alice")
    assert entered(shares, "alice", 1) == [False]
