"""Exports: complete, exact, of one moment, and bounded."""

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app import json_strict
from app.archive import exporting
from app.archive.spool import Change, Spool
from app.identity.device_sessions import sign_in
from app.records import Resource
from app.resources import RESOURCES
from tests.archive.archives import export
from tests.conftest import Servers
from tests.consents.clinic import accesses, give, new_clinic
from tests.custody.test_sealing import SET_DOCUMENT, store
from tests.drafts import create_record, resource_of, reworded
from tests.refusals import refused
from tests.rows import rows_of
from tests.serving import Person, Server
from tests.waiting import later, wait_until
from tests.witness import DOCUMENT

REFLECTIONS, INTENTIONS = resource_of("reflections"), resource_of("intentions")
EMPTY = {"README.txt", "manifest.json", "SHA256SUMS", *(f"records/{each.collection}.jsonl" for each in RESOURCES)}
each_kind = pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.collection)


@pytest.fixture
def server(exporting_server: Server) -> Server:
    """The server of exports."""
    return exporting_server


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
