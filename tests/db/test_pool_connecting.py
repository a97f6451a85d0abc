"""The pool while it makes a connection: waiters get the first one that is free, and errors and cancellations cost nothing."""

import asyncio

import asyncpg
import pytest

from app.db.postgres.pool import Pool
from app.settings import Settings
from tests.db.test_pool import a_few_turns, with_pool


@pytest.fixture
def database() -> str:
    return "postgresql"


def test_a_waiter_gets_the_connection_that_comes_first_released_or_new(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        first = await pool.acquire()
        waiting = asyncio.create_task(pool.acquire())
        await a_few_turns()
        pool.release(first, None)
        assert await waiting is first
        second = await pool.acquire()
        assert second is not first
        waiting = asyncio.create_task(pool.acquire())
        await a_few_turns()
        pool.release(second, None)
        assert await waiting is second
        pool.release(first, None)
        pool.release(second, None)

    with_pool(settings, work, size=2)


def test_closing_the_pool_closes_a_connection_that_is_being_made(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that stayed open would warn, and a warning fails the test."""

    async def work(pool: Pool) -> None:
        connected = asyncio.Event()

        async def never(*_: object, **__: object) -> None:
            connected.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncpg.Connection, "set_type_codec", never)
        waiting = asyncio.create_task(pool.acquire())
        await connected.wait()
        waiting.cancel()
        await asyncio.wait([waiting])
        await pool.close()

    with_pool(settings, work)


def test_an_error_while_connecting_is_dropped_if_nobody_waits(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        waiting = asyncio.create_task(pool.acquire())
        await a_few_turns()
        waiting.cancel()
        await asyncio.wait({waiting, *vars(pool)["_connecting"]})
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await pool.acquire()

    with_pool(settings.model_copy(update={"database_url": settings.database_url.replace("/fresh_", "/gone_")}), work)


def test_a_failed_attempt_to_connect_costs_the_pool_no_capacity(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        for _ in range(3):
            with pytest.raises(asyncpg.InvalidCatalogNameError):
                await pool.acquire()

    with_pool(settings.model_copy(update={"database_url": settings.database_url.replace("/fresh_", "/gone_")}), work)


def test_a_waiter_that_is_cancelled_while_connecting_costs_the_pool_no_capacity(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        attempts, made = 0, False
        while not made:
            taking = asyncio.create_task(pool.acquire())
            await asyncio.wait([taking], timeout=attempts * 0.0002)
            taking.cancel()
            await asyncio.wait([taking])
            made, attempts = not taking.cancelled(), attempts + 1
        pool.release(taking.result(), None)

    with_pool(settings, work)
