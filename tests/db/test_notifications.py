"""Change notifications reach subscribers in this process and in others, and a lost one only causes a delay."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from app.db import Database, notifications, open_database
from app.db.postgres import notifications as postgres_notifications
from app.ids import new_id
from app.settings import Settings
from tests.conftest import Databases
from tests.db.helpers import add_account, execute_sql, with_database
from tests.db.proxy import Proxy

SECONDS = 20
TERMINATE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'afterglow notifications' AND datname = current_database()"
OWNER = new_id()


async def woken(event: asyncio.Event) -> None:
    async with asyncio.timeout(SECONDS):
        await event.wait()
    event.clear()


async def woken_repeatedly(event: asyncio.Event, tell: Callable[[], object]) -> None:
    """Notify until the event is set: the first notifications may be lost."""
    async with asyncio.timeout(SECONDS):
        while not event.is_set():
            tell()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def another(settings: Settings) -> AsyncIterator[Database]:
    """Open the database a second time, as another worker would."""
    db = open_database(settings)
    await db.open()
    try:
        yield db
    finally:
        await db.close()


async def listening(event: asyncio.Event) -> None:
    """Wait until the notifier receives from other processes: it then wakes all subscribers."""
    await woken(event)


def test_a_notification_wakes_only_the_owners_subscribers(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, bob = new_id(), new_id()
        with (
            db.notifier.subscribe(alice) as phone,
            db.notifier.subscribe(alice) as tablet,
            db.notifier.subscribe(bob) as other,
        ):
            for event in (phone, tablet, other):
                await listening(event)
            db.notifier.notify(alice)
            assert (phone.is_set(), tablet.is_set(), other.is_set()) == (True, True, False)
            assert (db.notifier.subscribers(alice), db.notifier.subscribers(bob)) == (2, 1)
        assert db.notifier.subscribers(alice) == 0
        db.notifier.notify(alice)

    with_database(settings, work)


def test_a_notification_of_another_process_wakes(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async with another(settings) as elsewhere:
            alice = new_id()
            with db.notifier.subscribe(alice) as event:
                await listening(event)
                for name in ("alice", "bob"):
                    async with elsewhere.transaction() as tx:
                        await add_account(tx, name)
                    elsewhere.notifier.notify(alice)
                    await woken(event)

    with_database(settings, work)


def test_many_subscribers_are_all_woken(settings: Settings) -> None:
    async def work(db: Database) -> None:
        with db.notifier.subscribe(OWNER) as first:
            await listening(first)
        events = [asyncio.Event() for _ in range(300)]
        for number, event in enumerate(events):
            vars(db.notifier)["_events"][str(number)] = {event}
        notifications.ChangeNotifier._wake_all(db.notifier)  # noqa: SLF001 - what a new connection does
        await asyncio.gather(*map(woken, events))
        vars(db.notifier)["_events"].clear()

    with_database(settings, work)


def test_a_commit_of_the_same_process_wakes_no_other_owner(settings: Settings) -> None:
    async def work(db: Database) -> None:
        with db.notifier.subscribe(OWNER) as event:
            await listening(event)
            async with db.transaction() as tx:
                alice = await add_account(tx, "alice")
            db.notifier.notify(alice)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    await event.wait()

    with_database(settings, work)


@pytest.fixture
def postgres(databases: Databases) -> Settings:
    return Settings(database_url=databases.fresh("postgresql"), statement_seconds=2)


def test_a_connection_that_the_server_ends_is_replaced(postgres: Settings) -> None:
    async def work(db: Database) -> None:
        async with another(postgres) as elsewhere:
            with db.notifier.subscribe(OWNER) as event:
                await listening(event)
                elsewhere.notifier.notify(OWNER)
                await woken(event)
                await asyncio.to_thread(execute_sql, postgres.database_url, TERMINATE)
                await listening(event)
                await woken_repeatedly(event, lambda: elsewhere.notifier.notify(OWNER))

    with_database(postgres, work)


def test_notifications_during_an_outage_are_sent_afterwards(
    postgres: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_notifications, "_MAX_RECONNECT_SECONDS", 0.2)

    async def work(db: Database) -> None:
        with Proxy(postgres.database_url) as proxy:
            away = postgres.model_copy(update={"database_url": proxy.url})
            async with another(away) as elsewhere:
                with db.notifier.subscribe(OWNER) as event:
                    await listening(event)
                    elsewhere.notifier.notify(OWNER)
                    await woken(event)
                    proxy.cut()
                    elsewhere.notifier.notify(OWNER)
                    await asyncio.sleep(1)
                    assert not event.is_set()
                    proxy.resume()
                    await woken(event)

    with_database(postgres, work)


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_silent_connection_is_replaced(
    postgres: Settings, monkeypatch: pytest.MonkeyPatch, *, has_ended: bool
) -> None:
    monkeypatch.setattr(postgres_notifications, "_MAX_IDLE_SECONDS", 0.1)

    async def work(_: Database) -> None:
        with Proxy(postgres.database_url) as proxy:
            away = postgres.model_copy(update={"database_url": proxy.url, "statement_seconds": 0.5})
            async with another(away) as db:
                with db.notifier.subscribe(OWNER) as event:
                    await listening(event)
                    await asyncio.sleep(0.5)
                    assert not event.is_set()
                    if has_ended:
                        proxy.hold_ends()
                        await asyncio.to_thread(execute_sql, postgres.database_url, TERMINATE)
                    else:
                        proxy.pause()
                    await asyncio.sleep(1)
                    proxy.resume()
                    await listening(event)

    with_database(postgres, work)


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/nothing", "sqlite:////nowhere/wisteria.db"])
def test_an_unreachable_database_wakes_only_local_subscribers(url: str) -> None:
    async def work(db: Database) -> None:
        with db.notifier.subscribe(OWNER) as event:
            db.notifier.notify(OWNER)
            await woken(event)
            await asyncio.sleep(1.2)
            assert not event.is_set()

    with_database(Settings(database_url=url), work)


def test_the_file_is_polled_only_while_there_are_subscribers(databases: Databases) -> None:
    async def work(db: Database) -> None:
        db.notifier.notify(OWNER)
        assert vars(db.notifier)["_listener"] is None
        with db.notifier.subscribe(OWNER) as event:
            await listening(event)
        await asyncio.sleep(1.2)
        assert vars(db.notifier)["_listener"].done()
        with db.notifier.subscribe(OWNER) as event:
            await listening(event)

    with_database(Settings(database_url=databases.fresh("sqlite")), work)
