"""Calendar links: created, listed, deleted, limited, and ended with their account."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from app.calendar import links
from app.calendar.links import digest_of
from app.calendar.shapes import CalendarLinkDraft
from app.calendar.tables import CalendarLinkRecord
from app.db import Statement
from app.identity import Caller
from app.ids import make_id, new_id
from app.problems import NotSignedIn
from tests.calendar.subscriptions import LINKS, MAX_LINKS, new_link
from tests.conftest import Servers
from tests.custody.accounts import close, command, reopen
from tests.refusals import pointers, refused
from tests.serving import Person, Server
from tests.witness import Client

URL = re.compile(r"http://127\.0\.0\.1:\d+/v1/calendar/([A-Za-z0-9_-]{43})\.ics")
_ALL = Statement(sa.select(CalendarLinkRecord.table()))


def test_a_link_has_its_url_only_when_it_is_created(alice: Person) -> None:
    response = alice.client.post(LINKS, json={"label": "wisteria", "titles": True})
    created = response.json()
    assert URL.fullmatch(created["url"])
    assert response.headers["location"] == f"{LINKS}/{created['id']}"
    assert (created["label"], created["titles"]) == ("wisteria", True)
    plain = new_link(alice)
    assert (plain["label"], plain["titles"]) == (None, False)
    listed = alice.client.get(LINKS)
    shown = [{name: link[name] for name in link if name != "url"} | {"last_used_at": None} for link in (plain, created)]
    assert listed.json() == {"items": shown}
    assert created["url"] not in listed.text


def test_the_secret_is_stored_as_its_sha256_and_the_label_sealed(server: Server, alice: Person) -> None:
    created = new_link(alice, label="wisteria by the gate")
    match = URL.fullmatch(created["url"])
    assert match is not None
    row = next(row for row in server.run(server.db.all(_ALL)) if row["id"] == make_id(created["id"]))
    assert row["digest"] == digest_of(match[1])
    assert b"wisteria" not in row["label"]
    assert match[1].encode() not in row["label"] + row["digest"]


@pytest.mark.parametrize(
    ("draft", "pointer"),
    [
        ({"label": "w" * 101}, "/label"),
        ({"label": "wisteria\0"}, "/label"),
        ({"label": 5}, "/label"),
        ({"titles": None}, "/titles"),
        ({"titles": "true"}, "/titles"),
        ({"titles": 1}, "/titles"),
        ({"url": "wisteria"}, "/url"),
    ],
    ids=str,
)
def test_a_draft_with_a_wrong_value_is_refused(alice: Person, draft: dict[str, object], pointer: str) -> None:
    assert pointers(alice.client.post(LINKS, json=draft)) == [pointer]
    assert alice.client.get(LINKS).json() == {"items": []}


def test_an_account_has_at_most_five_links_also_if_they_are_created_at_once(alice: Person) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = [*pool.map(lambda _: alice.client.post(LINKS, json={}).status_code, range(8))]
    assert sorted(statuses) == [201] * MAX_LINKS + [409] * 3
    refused(alice.client.post(LINKS, json={}), 409, "too-many-links")
    found = alice.client.get(LINKS).json()["items"]
    assert len(found) == MAX_LINKS
    assert alice.client.delete(f"{LINKS}/{found[0]['id']}").status_code == 204
    assert alice.client.post(LINKS, json={}).status_code == 201


def test_a_deleted_link_is_not_found_from_the_next_request_on(alice: Person, anyone: Client) -> None:
    link, other = new_link(alice), new_link(alice)
    assert anyone.get(link["url"]).status_code == 200
    assert alice.client.delete(f"{LINKS}/{link['id']}").status_code == 204
    assert anyone.get(link["url"]).status_code == 404
    assert anyone.get(other["url"]).status_code == 200
    assert alice.client.delete(f"{LINKS}/{link['id']}").status_code == 404


def test_a_link_of_another_person_looks_missing(alice: Person, bob: Person, anyone: Client) -> None:
    link = new_link(alice)
    assert bob.client.delete(f"{LINKS}/{link['id']}").status_code == 404
    assert bob.client.get(LINKS).json() == {"items": []}
    assert anyone.get(link["url"]).status_code == 200


def test_the_links_of_a_closed_account_are_gone_also_after_it_is_reopened(
    server: Server, alice: Person, anyone: Client
) -> None:
    link = new_link(alice)
    close(alice)
    assert anyone.get(link["url"]).status_code == 404
    code = server.mailbox.code_to(alice.email)
    assert reopen(anyone, alice.email, code) == 200
    assert anyone.get(link["url"]).status_code == 404
    assert server.on_another_device(alice).client.get(LINKS).json() == {"items": []}


@pytest.mark.parametrize("is_erased", [False, True], ids=["closed", "erased"])
def test_no_link_is_added_to_an_account_that_was_closed_meanwhile(
    server: Server, alice: Person, *, is_erased: bool
) -> None:
    close(alice)
    caller = Caller(server.services, new_id() if is_erased else alice.id, new_id())
    with pytest.raises(NotSignedIn):
        server.run(links.create_link(caller, CalendarLinkDraft()))


def test_signing_out_leaves_links_as_they_are(alice: Person, anyone: Client) -> None:
    link = new_link(alice)
    assert alice.client.post("/v1/auth/logout-all").status_code == 204
    assert anyone.get(link["url"]).status_code == 200


@pytest.fixture
def own_server(servers: Servers, database: str) -> Server:
    """A server on a database of its own."""
    return servers.start(servers.settings(database))


def test_after_a_restore_from_a_backup_every_link_is_gone(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "BATCH_SIZE", 2)
    alice = own_server.person("alice")
    created = [new_link(alice) for _ in range(MAX_LINKS)]
    result = command(own_server, "restored", "--yes")
    assert result.status == 0, result.err
    assert f"Calendar links ended: {MAX_LINKS}." in result.out
    assert {own_server.anyone.get(link["url"]).status_code for link in created} == {404}
    assert own_server.run(own_server.db.all(_ALL)) == []


def test_links_are_recorded_for_an_audit_without_their_secret(alice: Person, every_log_line: list[str]) -> None:
    begin = len(every_log_line)
    link = new_link(alice, label="wisteria")
    alice.client.delete(f"{LINKS}/{link['id']}")
    lines = [json.loads(line) for line in every_log_line[begin:] if "afterglow.audit" in line]
    assert [(line["event"], line["account_id"], line["link_id"]) for line in lines] == [
        (event, str(alice.id), link["id"]) for event in ("calendar-link-created", "calendar-link-ended")
    ]
