"""The pool of connections to PostgreSQL: the order in which callers get them, and the replacement of unusable ones."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.db.postgres.pool import Pool
from app.settings import Settings


@pytest.fixture
def database() -> str:
    return "postgresql"


def with_pool(settings: Settings, work: Callable[[Pool], Coroutine[Any, Any, None]], size: int = 1) -> None:
    async def carried_out() -> None:
        pool = Pool(settings.model_copy(update={"database_pool": size, "pool_seconds": 5}))
        try:
            async with asyncio.timeout(20):
                await work(pool)
        finally:
            await pool.close()

    asyncio.run(carried_out())


async def a_few_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_connection_released_last_is_acquired_first(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        first, second = await pool.acquire(), await pool.acquire()
        assert first is not second
        pool.release(first, None)
        pool.release(second, None)
        assert await pool.acquire() is second
        assert await pool.acquire() is first
        pool.release(first, None)
        pool.release(second, None)

    with_pool(settings, work, size=2)


def test_waiters_are_served_in_order_and_cancelled_ones_are_skipped(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        connection = await pool.acquire()
        served: list[int] = []

        async def wait(name: int) -> None:
            taken = await pool.acquire()
            served.append(name)
            assert taken is connection
            pool.release(taken, None)

        waiting = [asyncio.create_task(wait(name)) for name in range(4)]
        await a_few_turns()
        waiting[1].cancel()
        await a_few_turns()
        pool.release(connection, None)
        await asyncio.wait(waiting)
        assert served == [0, 2, 3]

    with_pool(settings, work)


def test_a_connection_that_arrives_as_its_waiter_is_cancelled_is_not_lost(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        connection = await pool.acquire()
        waiting = asyncio.create_task(pool.acquire())
        await a_few_turns()
        pool.release(connection, None)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert await pool.acquire() is connection
        pool.release(connection, None)

    with_pool(settings, work)


def test_no_more_connections_are_open_than_the_pool_may_have(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        seen = set()

        async def use() -> None:
            connection = await pool.acquire()
            seen.add(await connection.fetchval("SELECT pg_backend_pid() FROM pg_sleep(0.01)"))
            pool.release(connection, None)

        await asyncio.gather(*(use() for _ in range(50)))
        assert len(seen) == 3

    with_pool(settings, work, size=3)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), TimeoutError()])
def test_a_connection_with_an_unfinished_statement_is_replaced(settings: Settings, error: BaseException) -> None:
    async def work(pool: Pool) -> None:
        connection = await pool.acquire()
        waiting = asyncio.create_task(pool.acquire())
        await a_few_turns()
        pool.release(connection, error)
        other = await waiting
        assert connection.is_closed()
        assert not other.is_closed()
        pool.release(other, ValueError())
        assert await pool.acquire() is other
        pool.release(other, None)

    with_pool(settings, work)


def test_a_connection_that_is_closed_or_in_a_transaction_is_replaced(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        first = await pool.acquire()
        await first.execute("BEGIN")
        pool.release(first, None)
        assert first.is_closed()
        second = await pool.acquire()
        pool.release(second, None)
        await second.close()
        third = await pool.acquire()
        await third.close()
        pool.release(third, None)
        fourth = await pool.acquire()
        assert await fourth.fetchval("SELECT 1") == 1
        pool.release(fourth, None)

    with_pool(settings, work)


def test_a_cancelled_statement_costs_the_pool_no_capacity(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        async def sleep() -> None:
            connection = await pool.acquire()
            error: BaseException | None = None
            try:
                await connection.fetch("SELECT pg_sleep(10)")
            except asyncio.CancelledError as cancelled:
                error = cancelled
                raise
            finally:
                pool.release(connection, error)

        for _ in range(3):
            task = asyncio.create_task(sleep())
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait([task])
        connection = await pool.acquire()
        assert await connection.fetchval("SELECT 1") == 1
        pool.release(connection, None)

    with_pool(settings, work)
