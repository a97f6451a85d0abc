"""The pool while it makes a connection: who waits takes what comes first, and what fails or is not wanted leaves no trace."""

import asyncio

import asyncpg
import pytest

from app.db.postgres.pool import Pool
from app.settings import Settings
from tests.db.test_pool import a_moment, over


@pytest.fixture
def database() -> str:
    return "postgresql"


def test_who_waits_while_one_is_made_takes_the_one_that_comes_first(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        first = await pool.acquire()
        waiting = asyncio.create_task(pool.acquire())
        await a_moment()
        pool.release(first, None)
        assert await waiting is first
        second = await pool.acquire()
        assert second is not first
        waiting = asyncio.create_task(pool.acquire())
        await a_moment()
        pool.release(second, None)
        assert await waiting is second
        pool.release(first, None)
        pool.release(second, None)

    over(settings, work, size=2)


def test_a_pool_is_closed_whole_while_a_connection_is_made(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stayed open would warn, which fails the test."""

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

    over(settings, work)


def test_that_none_can_be_made_is_told_to_nobody_where_nobody_waits(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        waiting = asyncio.create_task(pool.acquire())
        await a_moment()
        waiting.cancel()
        await asyncio.wait({waiting, *vars(pool)["_connecting"]})
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await pool.acquire()

    over(settings.model_copy(update={"database_url": settings.database_url.replace("/fresh_", "/gone_")}), work)


def test_a_place_is_not_lost_where_no_connection_can_be_made(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        for _ in range(3):
            with pytest.raises(asyncpg.InvalidCatalogNameError):
                await pool.acquire()

    over(settings.model_copy(update={"database_url": settings.database_url.replace("/fresh_", "/gone_")}), work)


def test_one_that_is_given_up_while_it_is_made_leaves_its_place(settings: Settings) -> None:
    async def work(pool: Pool) -> None:
        attempts, made = 0, False
        while not made:
            taking = asyncio.create_task(pool.acquire())
            await asyncio.wait([taking], timeout=attempts * 0.0002)
            taking.cancel()
            await asyncio.wait([taking])
            made, attempts = not taking.cancelled(), attempts + 1
        pool.release(taking.result(), None)

    over(settings, work)
