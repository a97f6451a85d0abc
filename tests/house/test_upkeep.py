"""The commands `purge` and `restored`: their output, confirmations and errors, at a terminal and without one."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from app.db import Database, Row, Table
from app.identity import Feed
from app.keyring.rotation import create_keyring
from app.records import restoring
from app.records.tables import Change, RememberedOp, Restoration
from app.settings import Settings
from tests.conftest import Databases
from tests.db.helpers import add_account, with_database
from tests.house import commands
from tests.house.commands import AFTERGLOW, SECONDS, Result, afterglow, assert_fails
from tests.sync.feed_rows import SET_FEED, ChangeRow, insert_changes, insert_remembered_ops, select_all

REFUSAL = "nothing was changed; if the database was restored from a backup, confirm at a terminal or use --yes"
RAISED = "Consents ended: 0.\nCalendar links ended: 0.\nFeeds in a new epoch: 1. Every device has to sign in again.\n"
MOMENT = r"\d{4}-\d\d-\d\dT[\d:.]+Z"
PURGED = rf"Purged: removals 3, operations 2, all from before {MOMENT}\.\n"

pytestmark = pytest.mark.usefixtures("empty_folder")


def write_keyring() -> None:
    """Write a keyring, and the ledger of an operator who has erased no account."""
    create_keyring(Path("afterglow-keys.json"), generated=True)
    Path("afterglow-keys.erasures").touch()


@pytest.fixture
def url(databases: Databases, database: str) -> str:
    """A database with tombstones and remembered operations of three years."""
    url = databases.fresh(database)
    write_keyring()

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            alice = await add_account(tx, "alice")
            await insert_changes(
                tx, alice, [ChangeRow(seq, days) for seq, days in enumerate([1000, 500, 401, 399, 50], 2)]
            )
            await insert_remembered_ops(tx, alice, [1000, 401, 0])

    with_database(Settings(database_url=url), work)
    return url


def rows(url: str, kind: type[Table]) -> list[Row]:
    return with_database(Settings(database_url=url), lambda db: db.all(select_all(kind)))


def epoch(url: str) -> int:
    number: int = rows(url, Feed)[0]["epoch"]
    return number


def at_a_terminal(*arguments: str, url: str, answer: str = "") -> Result:
    """Run a command at a terminal, and answer its question."""
    controller, terminal = os.openpty()
    process = subprocess.Popen(
        [AFTERGLOW, *arguments],
        env=os.environ | {"AFTERGLOW_DATABASE_URL": url, "TERM": "xterm", "COLUMNS": "100"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while b"[y/N]: " not in shown and answer:
        shown += os.read(controller, 1024)
    os.write(controller, answer.encode())
    try:
        while more := os.read(controller, 1024):
            shown += more
    except OSError:  # the command is gone, and its terminal with it
        pass
    os.close(controller)
    return Result(process.wait(SECONDS), shown.decode().replace("\r\n", "\n"), "")


def test_purge_deletes_rows_older_than_the_setting_and_can_be_repeated(url: str) -> None:
    first = afterglow("purge", database_url=url)
    assert first.status == 0
    assert re.fullmatch(rf"{PURGED}Purged: former versions 0, replaced before {MOMENT}\.\n", first.out)
    assert sorted(row["seq"] for row in rows(url, Change)) == [5, 6]
    assert len(rows(url, RememberedOp)) == 1
    assert rows(url, Feed)[0]["floor"] == 4
    assert "Purged: removals 0, operations 0, " in afterglow("purge", database_url=url).out
    assert "Purged: removals 1, " in afterglow("purge", database_url=url, remembered_days="100").out
    assert "Purged: removals 1, " in afterglow("purge", database_url=url, remembered_days="49").out
    assert rows(url, Feed)[0]["floor"] == 6


def test_purge_keeps_what_is_older_than_the_setting_but_not_than_the_option(url: str) -> None:
    assert "Purged: removals 1, operations 1, " in afterglow("purge", "--older-than", "501", database_url=url).out
    assert "Purged: removals 2, operations 1, " in afterglow("purge", "--older-than", "400", database_url=url).out


@pytest.mark.parametrize(("days", "remembered"), [("399", "400"), ("1", "400"), ("49", "50")])
def test_purge_refuses_fewer_days_than_the_api_relies_on(url: str, days: str, remembered: str) -> None:
    """A creation with an op_id of those days would revive what was removed since."""
    result = afterglow("purge", "--older-than", days, database_url=url, remembered_days=remembered)
    assert_fails(result, f"--older-than must be at least AFTERGLOW_REMEMBERED_DAYS, which is {remembered}; [^\n]+")
    assert len(rows(url, Change)) == 5
    assert len(rows(url, RememberedOp)) == 3


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "wisteria", "36501"])
def test_purge_refuses_an_invalid_number_of_days(url: str, days: str) -> None:
    assert afterglow("purge", "--older-than", days, database_url=url).status == 2
    assert len(rows(url, Change)) == 5


def test_without_a_terminal_progress_is_printed_as_lines(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "SECONDS_BETWEEN_LINES", 0)
    said = afterglow("purge", database_url=url)
    assert said.out.splitlines()[:-2] == ["Removals: 3", "Operations: 2"]
    said = afterglow("restored", "--yes", database_url=url)
    assert (said.status, said.out) == (0, f"Feeds: 1 of 1\nCalendar links: 0\n{RAISED}")


def test_at_a_terminal_progress_is_drawn(url: str) -> None:
    said = at_a_terminal("purge", url=url)
    assert said.status == 0
    assert re.search("Removals .*3/", said.out)
    assert re.search("Operations .*2/", said.out)
    assert re.search(PURGED, said.out)


def test_restored_needs_yes_without_a_terminal(url: str) -> None:
    before = epoch(url)
    assert_fails(afterglow("restored", stdin="y\n", database_url=url), REFUSAL)
    assert epoch(url) == before
    said = afterglow("restored", "--yes", database_url=url)
    assert (said.status, said.out) == (0, RAISED)
    assert epoch(url) > before
    assert [row["epoch"] for row in rows(url, Restoration)] == [before]


def test_restored_asks_for_confirmation_at_a_terminal(url: str) -> None:
    before = epoch(url)
    said = at_a_terminal("restored", url=url, answer="n\n")
    assert said.status == 1
    assert said.out.endswith(f"afterglow: {REFUSAL}\n")
    assert epoch(url) == before
    said = at_a_terminal("restored", url=url, answer="y\n")
    assert said.status == 0
    assert re.search("Feeds .*1/1", said.out)
    assert said.out.endswith(RAISED)
    assert epoch(url) > before


def test_restored_prints_that_it_continues(url: str) -> None:
    assert with_database(Settings(database_url=url), restoring.start) == 1
    said = afterglow("restored", "--yes", database_url=url)
    assert re.fullmatch(rf"Continuing the run that was started at {MOMENT}\.\n{RAISED}", said.out)
    assert afterglow("restored", "--yes", database_url=url).out == RAISED


def test_restored_fails_if_no_epoch_is_left(url: str) -> None:
    feed = rows(url, Feed)[0] | {"epoch": 8191}

    async def spend(db: Database) -> None:
        async with db.transaction() as tx:
            await tx.run(SET_FEED, **feed)

    with_database(Settings(database_url=url), spend)
    said = afterglow("restored", "--yes", database_url=url)
    assert_fails(said, "a feed is already in the last possible epoch, 8191; nothing was changed")
    assert rows(url, Feed) == [feed]


@pytest.mark.parametrize("command", ["purge", "restored --yes"])
def test_upkeep_without_a_schema_names_the_command_to_run(databases: Databases, database: str, command: str) -> None:
    write_keyring()
    said = afterglow(*command.split(), database_url=databases.fresh(database, migrated=False))
    assert_fails(said, "the database has not been migrated to this version: run `afterglow migrate`", 78)


def test_pruning_prints_what_was_deleted(url: str) -> None:
    result = afterglow("prune", database_url=url)
    assert (result.status, result.out) == (0, "Pruned: codes 0, counts of attempts 0, devices 0.\n")
