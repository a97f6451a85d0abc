"""The files of SQLite: only their owner may read them, with any umask."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db import Database, schema
from app.db.sqlite.private_file import create_private
from app.settings import Settings
from tests.db.helpers import add_account, with_database


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0o000)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Return the mode of each file in a folder, by name."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.usefixtures("open_umask")
def test_the_file_and_its_log_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'wisteria.db'}"
    schema.migrate(url)

    async def work(db: Database) -> dict[str, int]:
        async with db.transaction() as tx:
            await add_account(tx, "alice")
        return modes(tmp_path)

    found = with_database(Settings(database_url=url), work)
    assert {"wisteria.db", "wisteria.db-wal", "wisteria.db-shm"} == set(found)
    assert set(found.values()) == {0o600}


@pytest.mark.usefixtures("open_umask")
def test_a_file_that_is_opened_without_a_migration_is_private_too(tmp_path: Path) -> None:
    create_private(str(tmp_path / "new.db"))
    assert modes(tmp_path) == {"new.db": 0o600}


def test_a_file_that_exists_is_left_as_it_is_and_one_that_cannot_be_made_is_left_to_the_opening(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    path.write_bytes(b"wisteria")
    path.chmod(0o640)
    create_private(str(path))
    create_private(str(tmp_path / "nowhere" / "new.db"))
    assert (path.read_bytes(), modes(tmp_path)) == (b"wisteria", {"old.db": 0o640})
