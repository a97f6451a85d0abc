"""Turns: the writes of one owner follow each other, and those of others do not wait."""

import asyncio

import pytest

from app.problems import Unavailable
from app.server.turns import Turns


def test_turns_of_one_key_follow_each_other_in_the_order_of_arrival() -> None:
    async def check() -> None:
        turns, order = Turns(5), list[int]()

        async def write(number: int) -> None:
            turn = await turns.take("alice")
            order.append(number)
            await asyncio.sleep(0)
            turn.release()
            turn.release()

        tasks = [asyncio.create_task(write(number)) for number in range(5)]
        await asyncio.sleep(0)
        other = await turns.take("bob")
        assert order == [0]
        tasks[2].cancel()
        await asyncio.wait(tasks)
        other.release()
        assert order == [0, 1, 3, 4]
        (await turns.take("alice")).release()

    asyncio.run(check())


def test_a_turn_is_not_waited_for_beyond_the_deadline() -> None:
    async def check() -> None:
        turns = Turns(0.01)
        turn = await turns.take("alice")
        with pytest.raises(Unavailable):
            await turns.take("alice")
        turn.release()
        (await turns.take("alice")).release()

    asyncio.run(check())


def test_one_that_is_cancelled_as_its_turn_comes_passes_it_on() -> None:
    async def check() -> None:
        turns = Turns(5)
        turn = await turns.take("alice")
        first, second = (asyncio.create_task(turns.take("alice")) for _ in range(2))
        await asyncio.sleep(0)
        turn.release()
        first.cancel()
        await asyncio.wait([first, second], timeout=1)
        assert first.cancelled()
        second.result().release()

    asyncio.run(check())
