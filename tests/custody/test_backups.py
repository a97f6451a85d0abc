"""Backups: the README's commands make one and restore it, and an account that was erased since is erased again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from app.keyring.ledger import read_entries
from app.resources import RESOURCES
from tests.conftest import Databases, Servers
from tests.custody.accounts import close, command, fill, login, rows_left, traces
from tests.drafts import create_record
from tests.house.test_readme import commands_of
from tests.postgres import binaries
from tests.serving import PASSWORD
from tests.waiting import wait_until

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def run_commands(what: str, folder: Path, url: str) -> None:
    """Run the README's commands of this name, in a folder."""
    (block,) = [block for block in commands_of("Backups") if block.startswith(f"# {what}\n")]
    path = os.pathsep.join([str(binaries()), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "AFTERGLOW_DATABASE_URL": url}
    arguments = ["bash", "-euc", block]
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def moved(url: str, folder: Path) -> str:
    """Move the file of a SQLite database, which no server has open, to where the commands expect it; return its URL."""
    if not url.startswith("sqlite"):
        return url
    shutil.move(url.removeprefix("sqlite:///"), folder / "afterglow.db")
    return f"sqlite:///{folder / 'afterglow.db'}"


def test_a_restore_from_a_backup_erases_again_who_was_erased_since(
    servers: Servers, databases: Databases, database: str, tmp_path: Path
) -> None:
    ledger, live, other = tmp_path / "ledger", tmp_path / "live", tmp_path / "other"
    live.mkdir()
    other.mkdir()
    url = moved(databases.fresh(database), live)
    server = servers.start(servers.settings(database, database_url=url, ledger=ledger))
    alice, bob = server.person("alice"), server.person("bob")
    ids, others = fill(server, alice), fill(server, bob)
    record = create_record(bob.client, RESOURCES[3], bob)
    run_commands(f"{NAMES[database]}, backup", live, url)
    close(alice, immediately=True)
    wait_until(lambda: rows_left(server, alice) == {})
    server.end_test()

    restored_url = moved(databases.fresh(database, migrated=database == "sqlite"), other)
    for backup in (*live.glob("*.dump"), *live.glob("*.backup")):
        assert backup.stat().st_mode & 0o077 == 0
        shutil.copy2(backup, other)
    run_commands(f"{NAMES[database]}, restore", other, restored_url)
    restored = servers.start(servers.settings(database, database_url=restored_url, ledger=ledger))
    names = [alice.email, str(alice.id), *ids]
    assert traces(restored, *names) == names
    assert restored.client(alice.token).get("/v1/me").status_code == 200
    said = command(restored, "restored", "--yes").out
    assert said.startswith("Accounts erased again: 1.\nConsents ended: 1.\nCalendar links ended: 1.\nFeeds in")
    assert rows_left(restored, alice) == {}
    assert traces(restored, *names) == []
    assert traces(restored, *others) == others
    assert login(restored.anyone, alice.email) == 401
    body = {"email": bob.email, "password": PASSWORD}
    token = restored.anyone.post("/v1/auth/login", json=body).json()["access_token"]
    again = restored.client(token).get(f"{RESOURCES[3].path}/{record['id']}").json()
    assert {name: again[name] for name in again if name != "version"} == {
        name: record[name] for name in record if name != "version"
    }
    assert len(read_entries(ledger)) == 1
    restored.end_test()
