"""Key-encryption keys: rotation while serving, and the end of a former key."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from app import clock, starting
from app.db import bulk_insert
from app.keyring import Keyring, rotation
from app.resources.intentions import INTENTIONS
from app.sealing import DataKeyRecord, data_keys, rewrapping
from app.sealing.aead import KEY_BYTES
from app.sealing.data_keys import FIRST_GENERATION, wrap
from app.settings import Environment, Settings
from tests.conftest import Databases, Servers
from tests.drafts import create_record
from tests.house.commands import AFTERGLOW, SECONDS, Result, afterglow, assert_fails
from tests.serving import Server
from tests.sync.feed_rows import select_all

INSERT_DATA_KEYS = bulk_insert(DataKeyRecord.table())


@pytest.fixture
def own_server(servers: Servers, keyring: Path, tmp_path: Path, database: str) -> Server:
    """A server with a keyring of its own."""
    shutil.copy(keyring, tmp_path / "keys.json")
    return servers.start(servers.settings(database, keyring=tmp_path / "keys.json"))


def command(settings: Settings, *arguments: str) -> Result:
    """Run a command on the server's database and keyring."""
    return afterglow(*arguments, database_url=settings.database_url, keyring=str(settings.keyring))


def keks_of(server: Server) -> set[str]:
    """Return the ids of the key-encryption keys that wrap any data key."""
    return {row["kek_id"] for row in server.run(server.db.all(select_all(DataKeyRecord)))}


def test_a_rotation_while_serving_fails_no_request(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrapping, "BATCH_SIZE", 2)
    monkeypatch.setattr(data_keys, "CACHE_SECONDS", 0.0)
    people = [own_server.person() for _ in range(7)]
    records = [create_record(person.client, INTENTIONS, person) for person in people]
    (before,) = keks_of(own_server)
    statuses: list[int] = []
    ended = threading.Event()

    def call(n: int) -> None:
        while not ended.is_set():
            client = people[n].client
            statuses.append(client.get(f"/v1/intentions/{records[n]['id']}").status_code)
            statuses.append(client.post("/v1/intentions", json={"kind": "session", "statement": "x"}).status_code)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    result = command(own_server.settings, "keys", "rotate-sealing")
    ended.set()
    for thread in threads:
        thread.join()
    current = Keyring(own_server.settings.keyring).sealing_key.id
    assert result.status == 0
    assert result.out == f"Data keys wrapped by the key-encryption key {current}: 7.\n"
    assert current != before
    assert keks_of(own_server) == {current}
    assert set(statuses) == {200, 201}
    for person, record in zip(people, records, strict=True):
        assert person.client.get(f"/v1/intentions/{record['id']}").json() == record
    own_server.end_test()


def test_an_interrupted_rotation_goes_on_without_another_key(own_server: Server) -> None:
    people = [own_server.person() for _ in range(3)]
    settings = own_server.settings
    added = rotation.add_sealing_key(settings.keyring, timedelta(days=35))
    result = command(settings, "keys", "rotate-sealing")
    assert result.out == f"Data keys wrapped by the key-encryption key {added}: 3.\n"
    assert len(Keyring(settings.keyring).sealing_keys) == 2
    assert command(settings, "keys", "rotate-sealing").status == 0
    assert len(Keyring(settings.keyring).sealing_keys) == 3
    for person in people:
        create_record(person.client, INTENTIONS, person)
    own_server.end_test()


def test_a_rotation_whose_process_is_killed_goes_on_without_another_key(own_server: Server) -> None:
    person, settings = own_server.person(), own_server.settings
    record = create_record(person.client, INTENTIONS, person)
    (former,), keyring = keks_of(own_server), Keyring(settings.keyring)
    generations = range(FIRST_GENERATION + 1, FIRST_GENERATION + 1 + 60 * rewrapping.BATCH_SIZE)
    rows = [wrap(keyring, person.id, generation, os.urandom(KEY_BYTES)) for generation in generations]

    async def insert() -> None:
        async with own_server.db.transaction() as tx:
            await tx.write((INSERT_DATA_KEYS, rows))

    own_server.run(insert())
    variables = {"AFTERGLOW_DATABASE_URL": settings.database_url, "AFTERGLOW_KEYRING": str(settings.keyring)}
    process = subprocess.Popen([AFTERGLOW, "keys", "rotate-sealing"], env=os.environ | variables)
    while len(keks_of(own_server)) == 1:
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    assert process.wait(SECONDS) == -signal.SIGKILL
    current = Keyring(settings.keyring).sealing_key.id
    assert keks_of(own_server) == {former, current}
    result = command(settings, "keys", "rotate-sealing")
    printed = re.fullmatch(rf"Data keys wrapped by the key-encryption key {current}: (\d+)\.\n", result.out)
    assert printed is not None
    assert 0 < int(printed[1]) <= len(generations) + 1 - rewrapping.BATCH_SIZE
    assert keks_of(own_server) == {current}
    own_server.services.data_keys.forget(person.id)
    assert person.client.get(f"/v1/intentions/{record['id']}").json() == record
    own_server.end_test()


def test_a_former_key_is_destroyed_once_its_time_is_over_and_nothing_needs_it(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, settings = own_server.person(), own_server.settings
    record = create_record(person.client, INTENTIONS, person)
    (former,) = keks_of(own_server)
    rotation.add_sealing_key(settings.keyring, timedelta(days=35))  # the data key is still wrapped by the former one
    assert "Destroyed" not in command(settings, "purge").out
    assert former in Keyring(settings.keyring).sealing_keys
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=36))
    result = command(settings, "purge")
    assert f"Destroyed the key-encryption key {former}: " in result.out
    monkeypatch.undo()
    assert list(Keyring(settings.keyring).sealing_keys) == [Keyring(settings.keyring).sealing_key.id]
    own_server.services.data_keys.forget(person.id)
    assert person.client.get(f"/v1/intentions/{record['id']}").json() == record
    own_server.end_test()


@pytest.mark.parametrize("damage", [{"sealing": [{"id": "a", "state": "current", "key": "AA=="}]}, {"sealing": [{}]}])
def test_a_keyring_without_a_usable_key_encryption_key_is_refused(
    keyring: Path, tmp_path: Path, damage: dict[str, object]
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(json.loads(keyring.read_text()) | damage))
    result = afterglow("keys", "list", keyring=str(path))
    line = f"afterglow: AFTERGLOW_KEYRING names {path}, which is not a keyring: restore it from your secret store\n"
    assert (result.status, result.err) == (1, line)


@pytest.fixture
def older_keyring(keyring: Path, tmp_path: Path) -> Path:
    """A keyring of a version that did not seal."""
    content = json.loads(keyring.read_text())
    del content["sealing"]
    path = tmp_path / "older.json"
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    return path


def test_a_keyring_of_an_older_version_gets_its_first_key_encryption_key(
    older_keyring: Path, databases: Databases, database: str
) -> None:
    url, path = databases.fresh(database), str(older_keyring)
    add = ("account", "add", "alice@example.com")
    result = afterglow(*add, stdin="one-quiet-morning", database_url=url, keyring=path)
    assert_fails(result, "[^\n]+ has no key-encryption key yet: run `afterglow keys rotate-sealing`")
    result = afterglow("keys", "rotate-sealing", database_url=url, keyring=path)
    assert (result.status, result.out) == (
        0,
        f"Added the first key-encryption key, {Keyring(older_keyring).sealing_key.id}.\n",
    )
    assert afterglow(*add, stdin="one-quiet-morning", database_url=url, keyring=path).status == 0


def test_a_development_start_adds_the_first_key_encryption_key(older_keyring: Path) -> None:
    assert starting.prepare(Settings(keyring=older_keyring)) == []
    assert Keyring(older_keyring).sealing_key


def test_production_does_not_start_without_a_key_encryption_key(older_keyring: Path) -> None:
    settings = Settings(keyring=older_keyring, env=Environment.PRODUCTION)
    assert any("has no key-encryption key yet" in reason for reason in starting.prepare(settings))
