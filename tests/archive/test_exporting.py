"""Exports: complete, exact, of one moment, and bounded."""

import asyncio
import base64
import hashlib
import io
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from http.client import HTTPResponse, IncompleteRead
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2 as httpx
import pytest

from app import clock, json_strict
from app.archive import exporting
from app.archive.exporting import archive_of
from app.archive.spool import Change, Spool
from app.archive.threads import on_thread
from app.archive.zip_stream import STEP_BYTES, ZipStream
from app.composition import MAX_EXPORTS
from app.db import Row
from app.identity.device_sessions import sign_in
from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from app.sealing import OwnerKeys
from app.sealing.aead import Cipher
from tests.archive.archives import ExportedArchive, export
from tests.conftest import Servers
from tests.consents.clinic import accesses, give, new_clinic
from tests.custody.test_sealing import SET_DOCUMENT, store
from tests.drafts import create_record, resource_of, reworded
from tests.hostile.raw import SECONDS, request_bytes
from tests.refusals import refused
from tests.rows import rows_of
from tests.serving import Person, Server
from tests.sync.sync_client import SyncClient, upsert
from tests.waiting import later, wait_until
from tests.witness import DOCUMENT

REFLECTIONS, INTENTIONS = resource_of("reflections"), resource_of("intentions")
EMPTY = {"README.txt", "manifest.json", "SHA256SUMS", *(f"records/{each.collection}.jsonl" for each in RESOURCES)}
TEMPORARY_FILES = 2
"""The files of an export: the records, and the access log."""
each_kind = pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.collection)


@pytest.fixture
def server(servers: Servers, database: str) -> Iterator[Server]:
    """Return a server that only these tests use: they create many megabytes, and other tests compare all rows."""
    shared = servers.shared(database, exports_a_day=999)
    yield shared
    shared.end_test()


def test_an_account_without_records_is_a_complete_archive(alice: Person) -> None:
    archive = export(alice)

    assert set(archive.files) == EMPTY
    assert all(archive.records(each.collection) == [] for each in RESOURCES)
    assert "0 sessions" in archive.files["README.txt"].decode()


def test_the_access_log_is_exported_as_the_api_returns_it(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE_RECORDS", 2)
    clinic = new_clinic(server)
    give(alice, clinic)
    for _ in range(4):
        assert len(clinic.connections()) == 1
    archive = export(alice)
    lines = archive.files["access.jsonl"].splitlines()
    assert [json_strict.parse(line) for line in lines] == accesses(alice)
    assert len(lines) == 5
    (listed,) = [file for file in archive.manifest["files"] if file["path"] == "access.jsonl"]
    assert listed["records"] == len(lines)


@each_kind
def test_each_line_is_the_record_exactly_as_get_returns_it(alice: Person, resource: Resource) -> None:
    ids = [create_record(alice.client, resource, alice)["id"] for _ in range(3)]
    alice.client.patch(f"{resource.path}/{ids[0]}", json={"visibility": "shared"}, headers={"If-Match": "*"})

    lines = export(alice).files[f"records/{resource.collection}.jsonl"].splitlines()

    listed = [each["id"] for each in reversed(alice.client.get(resource.path).json()["items"])]
    assert set(ids) <= set(listed)
    assert lines == [alice.client.get(f"{resource.path}/{id}").content for id in listed]


def test_records_are_ordered_by_time_of_creation_and_id_although_they_were_changed_later(alice: Person) -> None:
    made = [create_record(alice.client, REFLECTIONS, alice) for _ in range(4)]
    for record in reversed(made[:3]):
        alice.client.patch(f"{REFLECTIONS.path}/{record['id']}", json={"mood": 3}, headers={"If-Match": "*"})

    records = export(alice).records("reflections")

    assert [each["id"] for each in records] == [each["id"] for each in made]
    assert [each["mood"] for each in records[:3]] == [3, 3, 3]


def test_the_manifest_says_what_the_archive_contains(alice: Person) -> None:
    create_record(alice.client, REFLECTIONS, alice)
    before = datetime.now(UTC)

    archive = export(alice)

    manifest, me = archive.manifest, alice.client.get("/v1/me").json()
    assert (manifest["format"], manifest["format_version"]) == ("afterglow", 1)
    assert manifest["product_version"] == DOCUMENT.content["info"]["version"]
    assert abs((datetime.fromisoformat(manifest["exported_at"]) - before).total_seconds()) < 60
    shown = {name: me[name] for name in ("email", "display_name", "timezone", "locale", "region")}
    assert manifest["account"] == shown | {"second_factor_since": None}
    assert manifest["files"] == [
        {
            "path": path,
            "records": content.count(b"\n") if path.startswith("records/") else None,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for path, content in archive.files.items()
        if path not in {"manifest.json", "SHA256SUMS"}
    ]


def test_a_pull_continues_from_the_archive(alice: Person) -> None:
    create_record(alice.client, REFLECTIONS, alice)
    cursor = export(alice).manifest["cursor"]
    later = create_record(alice.client, resource_of("intentions"), alice)

    changes = alice.client.get("/v1/sync/changes", params={"since": cursor}).json()["changes"]

    assert later["id"] in {each["id"] for each in changes}
    assert "reflections" not in {each["collection"] for each in changes}


def test_other_programs_read_the_archive_and_its_sums(alice: Person, tmp_path: Path) -> None:
    create_record(alice.client, REFLECTIONS, alice)
    path = tmp_path / "archive.zip"
    path.write_bytes(alice.client.get("/v1/export").content)
    for program, options in {"unzip": ["-t"], "bsdtar": ["-tf"], "7z": ["t"]}.items():
        if (found := shutil.which(program)) is not None:
            subprocess.run([found, *options, path], check=True, capture_output=True)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")

    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],
        cwd=tmp_path / "unpacked",
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.count(": OK\n") == len(archive.namelist()) - 1


def test_the_response_is_a_file_that_no_cache_keeps_and_whose_name_says_nothing_of_its_owner(alice: Person) -> None:
    response = alice.client.get("/v1/export", headers={"Accept-Encoding": "zstd, gzip"})

    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"] == f'attachment; filename="afterglow-{today}.zip"'
    assert response.headers["cache-control"] == "no-store, no-transform"
    assert "content-encoding" not in response.headers
    assert "content-length" not in response.headers


def test_an_archive_has_the_state_of_one_moment(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PAGE_RECORDS", 2)
    made = [create_record(alice.client, REFLECTIONS, alice) for _ in range(7)]
    paths = [f"{REFLECTIONS.path}/{each['id']}" for each in made]
    before = [alice.client.get(path).json() for path in paths]
    cursor = alice.client.get("/v1/sync").json()["cursor"]
    add, pages = Spool.add, count(1)

    def add_while_others_write(spool: Spool, changes: list[Change]) -> None:
        add(spool, changes)
        if next(pages) == 1:
            alice.client.patch(paths[5], json={"body": "later"}, headers={"If-Match": "*"})
            alice.client.delete(paths[6], headers={"If-Match": "*"})
            create_record(alice.client, REFLECTIONS, alice)

    monkeypatch.setattr(Spool, "add", add_while_others_write)
    archive = export(alice)

    assert archive.records("reflections") == before
    assert archive.manifest["cursor"] == cursor
    assert next(pages) == 5


def test_removed_records_are_not_in_an_archive(alice: Person) -> None:
    kept, removed = (create_record(alice.client, REFLECTIONS, alice) for _ in range(2))
    alice.client.delete(f"{REFLECTIONS.path}/{removed['id']}", headers={"If-Match": "*"})

    archive = export(alice)

    assert archive.records("reflections") == [kept]
    assert all(removed["id"].encode() not in content for content in archive.files.values())


def test_an_archive_has_nothing_of_another_person(alice: Person, bob: Person) -> None:
    for resource in RESOURCES:
        create_record(bob.client, resource, bob, **reworded(resource, "of the other one"))
        create_record(alice.client, resource, alice)

    archive = export(alice)

    for content in archive.files.values():
        assert b"of the other one" not in content
        assert bob.email.encode() not in content
    assert "of the other one" in export(bob).journal


def test_a_head_request_gets_the_headers_alone(alice: Person, server: Server) -> None:
    response = alice.client.head("/v1/export")

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "application/zip"
    wait_until(lambda: server.services.exports.taken == 0)


def test_an_account_is_exported_a_limited_number_of_times_a_day(servers: Servers, database: str) -> None:
    server = servers.shared(database, exports_a_day=2)
    alice, bob = server.person("alice"), server.person("bob")
    for _ in range(2):
        export(alice)

    response = alice.client.get("/v1/export")

    refused(response, 429, "too-many-exports")
    assert 86_000 < int(response.headers["retry-after"]) <= 86_400
    export(bob)
    with later(days=1, minutes=1):
        alice.client.headers["Authorization"] = (
            f"Bearer {server.run(sign_in(server.services, alice.id, 'tablet'))['access_token']}"
        )
        export(alice)
    server.end_test()


def test_a_record_that_cannot_be_decrypted_is_a_clear_problem_and_counts_as_no_export(
    servers: Servers, database: str
) -> None:
    server = servers.shared(database, exports_a_day=1)
    alice = server.person("alice")
    record = create_record(alice.client, INTENTIONS, alice)
    row = rows_of(server, alice, INTENTIONS)[record["id"]]
    id, sealed = row["id"], row["document"]
    store(server, SET_DOCUMENT, id=id, document=sealed[:-1] + bytes([sealed[-1] ^ 1]))

    refused(alice.client.get("/v1/export"), 503, "unreadable-record")

    store(server, SET_DOCUMENT, id=id, document=sealed)
    assert export(alice).records("intentions") == [record]
    assert server.services.exports.taken == 0
    server.end_test()


def test_without_room_for_a_temporary_file_the_storage_is_full(
    alice: Person, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    create_record(alice.client, REFLECTIONS, alice)
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")

    refused(alice.client.get("/v1/export"), 507, "storage-full")

    assert server.services.exports.taken == 0


def big_reflections(server: Server, person: Person, megabytes: int) -> None:
    """Push reflections with random text, which hardly becomes smaller by compression."""
    for _ in range(megabytes):
        bodies = [base64.b64encode(os.urandom(70_000)).decode() for _ in range(11)]
        SyncClient(person).push(*(upsert("reflections", set={"body": body}) for body in bodies))
    assert server.services.exports.taken == 0


def open_files() -> int:
    """Return the number of this process's open files that never had a name."""
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += each.readlink().name.startswith("#")
    return found


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each part of an archive that was made so far."""
    made: list[int] = []

    def noted(spool: Spool, account: Row, moment: datetime) -> Iterator[bytes]:
        for part in archive_of(spool, account, moment):
            made.append(len(part))
            yield part

    monkeypatch.setattr(exporting, "archive_of", noted)
    return made


def requested(server: Server, person: Person) -> socket.socket:
    """Return a connection on which an export was requested and nothing is read."""
    connection = socket.create_connection(server.address, timeout=SECONDS)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connection.sendall(request_bytes("GET", "/v1/export", [("Authorization", f"Bearer {person.token}")]))
    return connection


def stalled(steps: list[int]) -> int:
    """Wait until no more parts are made; return how many there are."""
    wait_until(lambda: len(steps) > 0)
    known = 0
    while known != len(steps):
        known = len(steps)
        time.sleep(0.3)
    return known


def test_an_archive_is_made_as_fast_as_the_client_reads(server: Server, alice: Person, steps: list[int]) -> None:
    big_reflections(server, alice, 12)
    with requested(server, alice) as connection:
        made = stalled(steps)
        assert sum(steps) < 9_000_000
        assert create_record(alice.client, REFLECTIONS, alice)["id"]  # others are served, and no connection is held
        with HTTPResponse(connection) as response:
            response.begin()
            archive = ExportedArchive(response.read())
    assert len(steps) > made
    assert len(archive.records("reflections")) == 12 * 11
    wait_until(lambda: server.services.exports.taken == 0)


def test_a_client_that_disconnects_frees_everything(server: Server, alice: Person, steps: list[int]) -> None:
    big_reflections(server, alice, 12)
    before = open_files()
    for _ in range(2):
        with requested(server, alice):
            stalled(steps)
            assert open_files() == before + TEMPORARY_FILES
            assert server.services.exports.taken == 1
        wait_until(lambda: server.services.exports.taken == 0)
        assert open_files() == before


def test_a_worker_sends_a_limited_number_of_exports_at_once(server: Server, alice: Person, bob: Person) -> None:
    big_reflections(server, alice, 12)
    with ExitStack() as stack:
        for _ in range(MAX_EXPORTS):
            stack.enter_context(requested(server, alice))
        wait_until(lambda: server.services.exports.taken == MAX_EXPORTS)

        response = bob.client.get("/v1/export")

        refused(response, 503, "unavailable")
        assert response.headers["retry-after"] == "10"
        assert bob.client.get("/v1/me").status_code == 200
    wait_until(lambda: server.services.exports.taken == 0)
    export(bob)


def test_a_client_that_reads_too_slowly_gets_no_end(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "GRACE_SECONDS", -1000.0)

    with pytest.raises(httpx.RemoteProtocolError):
        alice.client.get("/v1/export")

    wait_until(lambda: server.services.exports.taken == 0)
    monkeypatch.undo()
    export(alice)


async def cancel_requests() -> None:
    """Cancel what is being answered, as a worker does when its time to stop is over."""
    for task in asyncio.all_tasks():
        if "run_asgi" in str(task.get_coro()):
            task.cancel()


def test_a_worker_that_stops_ends_an_export(server: Server, alice: Person, steps: list[int]) -> None:
    big_reflections(server, alice, 12)
    before = open_files()
    with requested(server, alice) as connection:
        stalled(steps)
        assert open_files() == before + TEMPORARY_FILES
        server.run(cancel_requests())
        wait_until(lambda: open_files() == before)
        assert server.services.exports.taken == 0
        with HTTPResponse(connection) as response:
            response.begin()
            with pytest.raises(IncompleteRead):
                response.read()


def test_a_step_on_a_thread_ends_before_what_waits_for_it() -> None:
    go_on, ended = threading.Event(), []

    def step() -> None:
        go_on.wait(SECONDS)
        ended.append(True)

    async def cancel_it() -> None:
        task = asyncio.create_task(on_thread(step))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [True]

    asyncio.run(cancel_it())


def spooled(records: int, words: int) -> Spool:
    """Return a spool with reflections of so many random words."""
    keys, owner = OwnerKeys(new_id(), {1: Cipher(bytes(32))}), resource_of("reflections")
    spool, stored = Spool(keys, "Europe/Berlin"), dict(owner.example) | {"created_at": "2026-11-20T10:00:00.000000Z"}
    plain = dict.fromkeys(owner.document_names) | stored | dict.fromkeys(owner.references)
    for begin in range(0, records, 100):
        changes = []
        for seq in range(begin, begin + 100):
            document = json_strict.dump_text(plain | {"body": os.urandom(3 * words).hex()})
            id = new_id()
            changes.append(("reflections", id, seq, keys.seal("reflections", id, seq, document)))
        spool.add(changes)
    spool.finish()
    return spool


ACCOUNT: Row = {
    "email": "a@example.com",
    "display_name": None,
    "timezone": "UTC",
    "locale": "en",
    "region": None,
    "second_factor_since": None,
}


def test_the_memory_of_an_export_does_not_grow_with_the_documents() -> None:
    peaks = []
    for words in (100, 1500):
        with spooled(3000, words) as spool:
            tracemalloc.start()
            size = sum(map(len, archive_of(spool, ACCOUNT, clock.now())))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert size > 15_000_000
    assert peaks[1] < peaks[0] + 2_000_000
    assert peaks[0] < 4_000_000


def test_no_step_makes_more_than_a_few_hundred_kilobytes() -> None:
    with spooled(1000, 400) as spool:
        parts = [len(part) for part in archive_of(spool, ACCOUNT, clock.now())]
    assert max(parts) < 4 * STEP_BYTES
    assert len(parts) > 30


def test_equal_records_make_equal_bytes() -> None:
    moment = datetime(2026, 11, 28, 20, 15, 7, tzinfo=UTC)
    with spooled(100, 10) as spool:
        first, second = (b"".join(archive_of(spool, ACCOUNT, moment)) for _ in range(2))
    assert first == second
    infos = ExportedArchive(first).infos
    assert {info.date_time for info in infos} == {(2026, 11, 28, 20, 15, 6)}
    assert {info.external_attr >> 16 for info in infos} == {0o100600}


def test_the_spool_has_no_name_and_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with spooled(100, 10) as spool:
        assert list(tmp_path.iterdir()) == []
        file = vars(spool)["_file"]
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
        content = os.pread(file.fileno(), 10_000_000, 0)
        assert len(content) > 30_000
        assert b"occurred_at" not in content


def test_a_file_that_may_be_large_uses_zip64() -> None:
    stream = ZipStream(datetime(2026, 11, 28, tzinfo=UTC))
    written = b"".join([*stream.add("small", [b"a"]), *stream.add("large", [b"b"], max_bytes=2**31), stream.close()])
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in archive.namelist()] == [b"a", b"b"]
    small, large = (written.index(name) for name in (b"small", b"large"))
    assert written[small - 30 + 4 : small - 30 + 6] == b"\x14\x00"
    assert written[large - 30 + 4 : large - 30 + 6] == b"\x2d\x00"
