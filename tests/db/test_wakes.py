"""Wake-ups: news reaches who waits for it, in this process and in others, and a lost wake-up only delays."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from app.db import Database, notifications, open_database
from app.db.postgres import notifications as postgres_notifications
from app.ids import new_id
from app.settings import Settings
from tests.conftest import Databases
from tests.db.opened import added, administer, over
from tests.db.relay import Relay

SECONDS = 20
TERMINATE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'afterglow notifications' AND datname = current_database()"
NOBODY = new_id()


async def rung(bell: asyncio.Event) -> None:
    async with asyncio.timeout(SECONDS):
        await bell.wait()
    bell.clear()


async def rung_again_and_again(bell: asyncio.Event, tell: Callable[[], object]) -> None:
    """Expect the bell to be heard, however many are lost at first."""
    async with asyncio.timeout(SECONDS):
        while not bell.is_set():
            tell()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def another(settings: Settings) -> AsyncIterator[Database]:
    """Open the database once more, as another worker does."""
    db = open_database(settings)
    await db.open()
    try:
        yield db
    finally:
        await db.close()


async def begun(bell: asyncio.Event) -> None:
    """Wait until news of other processes is heard: whoever waits is then asked to look, for what was missed."""
    await rung(bell)


def test_news_wakes_who_waits_for_it_and_nobody_else(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, bob = new_id(), new_id()
        with (
            db.notifier.subscribe(alice) as phone,
            db.notifier.subscribe(alice) as tablet,
            db.notifier.subscribe(bob) as other,
        ):
            for bell in (phone, tablet, other):
                await begun(bell)
            db.notifier.notify(alice)
            assert (phone.is_set(), tablet.is_set(), other.is_set()) == (True, True, False)
            assert (db.notifier.subscribers(alice), db.notifier.subscribers(bob)) == (2, 1)
        assert db.notifier.subscribers(alice) == 0
        db.notifier.notify(alice)

    over(settings, work)


def test_news_of_another_process_wakes(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async with another(settings) as elsewhere:
            alice = new_id()
            with db.notifier.subscribe(alice) as bell:
                await begun(bell)
                for name in ("alice", "bob"):
                    async with elsewhere.transaction() as tx:
                        await added(tx, name)
                    elsewhere.notifier.notify(alice)
                    await rung(bell)

    over(settings, work)


def test_many_who_wait_are_all_asked_to_look(settings: Settings) -> None:
    async def work(db: Database) -> None:
        with db.notifier.subscribe(NOBODY) as first:
            await begun(first)
        bells = [asyncio.Event() for _ in range(300)]
        for number, bell in enumerate(bells):
            vars(db.notifier)["_events"][str(number)] = {bell}
        notifications.ChangeNotifier._wake_all(db.notifier)  # noqa: SLF001 - what a new connection does
        await asyncio.gather(*map(rung, bells))
        vars(db.notifier)["_events"].clear()

    over(settings, work)


def test_nobody_is_woken_by_a_commit_of_their_own_process_for_somebody_else(settings: Settings) -> None:
    async def work(db: Database) -> None:
        with db.notifier.subscribe(NOBODY) as bell:
            await begun(bell)
            async with db.transaction() as tx:
                alice = await added(tx, "alice")
            db.notifier.notify(alice)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    await bell.wait()

    over(settings, work)


@pytest.fixture
def postgres(databases: Databases) -> Settings:
    return Settings(database_url=databases.fresh("postgresql"), statement_seconds=2)


def test_a_connection_that_the_server_ends_is_replaced(postgres: Settings) -> None:
    async def work(db: Database) -> None:
        async with another(postgres) as elsewhere:
            with db.notifier.subscribe(NOBODY) as bell:
                await begun(bell)
                elsewhere.notifier.notify(NOBODY)
                await rung(bell)
                await asyncio.to_thread(administer, postgres.database_url, TERMINATE)
                await begun(bell)
                await rung_again_and_again(bell, lambda: elsewhere.notifier.notify(NOBODY))

    over(postgres, work)


def test_what_was_told_while_the_database_was_away_is_passed_on_later(
    postgres: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_notifications, "_MAX_RECONNECT_SECONDS", 0.2)

    async def work(db: Database) -> None:
        with Relay(postgres.database_url) as relay:
            away = postgres.model_copy(update={"database_url": relay.url})
            async with another(away) as elsewhere:
                with db.notifier.subscribe(NOBODY) as bell:
                    await begun(bell)
                    elsewhere.notifier.notify(NOBODY)
                    await rung(bell)
                    relay.cut()
                    elsewhere.notifier.notify(NOBODY)
                    await asyncio.sleep(1)
                    assert not bell.is_set()
                    relay.mend()
                    await rung(bell)

    over(postgres, work)


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_connection_that_fell_silent_is_found_out(
    postgres: Settings, monkeypatch: pytest.MonkeyPatch, *, has_ended: bool
) -> None:
    monkeypatch.setattr(postgres_notifications, "_MAX_IDLE_SECONDS", 0.1)

    async def work(_: Database) -> None:
        with Relay(postgres.database_url) as relay:
            away = postgres.model_copy(update={"database_url": relay.url, "statement_seconds": 0.5})
            async with another(away) as db:
                with db.notifier.subscribe(NOBODY) as bell:
                    await begun(bell)
                    await asyncio.sleep(0.5)
                    assert not bell.is_set()
                    if has_ended:
                        relay.keep_ends()
                        await asyncio.to_thread(administer, postgres.database_url, TERMINATE)
                    else:
                        relay.silence()
                    await asyncio.sleep(1)
                    relay.mend()
                    await begun(bell)

    over(postgres, work)


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/nothing", "sqlite:////nowhere/wisteria.db"])
def test_a_database_that_is_nowhere_wakes_nobody_and_is_tried_again(url: str) -> None:
    async def work(db: Database) -> None:
        with db.notifier.subscribe(NOBODY) as bell:
            db.notifier.notify(NOBODY)
            await rung(bell)
            await asyncio.sleep(1.2)
            assert not bell.is_set()

    over(Settings(database_url=url), work)


def test_nothing_is_heard_before_somebody_waits_and_nothing_after_nobody_does(databases: Databases) -> None:
    async def work(db: Database) -> None:
        db.notifier.notify(NOBODY)
        assert vars(db.notifier)["_listener"] is None
        with db.notifier.subscribe(NOBODY) as bell:
            await begun(bell)
        await asyncio.sleep(1.2)
        assert vars(db.notifier)["_listener"].done()
        with db.notifier.subscribe(NOBODY) as bell:
            await begun(bell)

    over(Settings(database_url=databases.fresh("sqlite")), work)
