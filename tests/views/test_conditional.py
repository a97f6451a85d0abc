"""What all views promise: the conditional response, the parameters, the owner, and the number of statements."""

import pytest

from tests.refusals import faults, refused
from tests.serving import Person, Server
from tests.sync.test_statements import counting
from tests.views.views import DAYS, PATHS, create, get
from tests.witness import Client

each_view = pytest.mark.parametrize("path", PATHS)
each_range = pytest.mark.parametrize("path", DAYS)
MAX_STATEMENTS = 2
"""A look at the feed, and one statement that reads the view."""


def count_statements(monkeypatch: pytest.MonkeyPatch, person: Person, path: str, headers: dict[str, str]) -> int:
    """Return how many statements a request needs, the fewest of three: a job of the server may run during one of them."""
    found = []
    for _ in range(3):
        with counting(monkeypatch) as counter:
            assert person.client.get(path, headers=headers).status_code in {200, 304}
        found.append(counter.statements)
    return min(found)


@each_view
def test_a_view_has_a_weak_tag_and_is_never_stored(alice: Person, path: str) -> None:
    response = alice.client.get(path)
    assert response.headers["etag"].startswith('W/"')
    assert response.headers["cache-control"] == "no-store"


@each_view
@pytest.mark.parametrize("sent", ["{}", '"another", {}', "*"], ids=["the-tag", "one-of-several", "any"])
def test_a_view_that_the_client_has_is_not_sent_again(alice: Person, path: str, sent: str) -> None:
    tag = alice.client.get(path).headers["etag"]
    response = alice.client.get(path, headers={"If-None-Match": sent.format(tag)})
    assert (response.status_code, response.headers["etag"], response.content) == (304, tag, b"")


@each_view
def test_a_change_of_any_record_changes_the_tag(alice: Person, path: str) -> None:
    before = alice.client.get(path)
    create(alice, "reflections")
    after = alice.client.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.headers["etag"] != before.headers["etag"]


@each_view
def test_a_view_needs_at_most_two_statements_and_304_only_one(
    monkeypatch: pytest.MonkeyPatch, alice: Person, path: str
) -> None:
    for _ in range(2):  # without records, and with some
        tag = {"If-None-Match": alice.client.get(path).headers["etag"]}
        assert count_statements(monkeypatch, alice, path, {}) <= MAX_STATEMENTS
        assert count_statements(monkeypatch, alice, path, {"If-None-Match": '"another"'}) <= MAX_STATEMENTS
        assert count_statements(monkeypatch, alice, path, tag) == 1
        for collection in ("sessions", "reflections", "action-items"):
            create(alice, collection)


@each_view
def test_a_view_shows_only_the_callers_own_records(alice: Person, bob: Person, path: str) -> None:
    empty = alice.client.get(path).content
    for collection in ("sessions", "elements", "intentions", "reflections", "action-items"):
        create(bob, collection, **({"status": "requested"} if collection == "action-items" else {}))
    assert alice.client.get(path).content == empty


@each_view
def test_a_view_needs_a_signed_in_caller(server: Server, anyone: Client, alice: Person, path: str) -> None:
    refused(anyone.get(path), 401, "not-signed-in")
    tag = alice.client.get(path).headers["etag"]
    alice.client.post("/v1/auth/logout")
    for headers in ({}, {"If-None-Match": tag}):
        refused(server.client(alice.token).get(path, headers=headers), 401, "not-signed-in")


@each_view
def test_a_parameter_that_a_view_does_not_have_is_refused(alice: Person, path: str) -> None:
    more = f"{path}{'&' if '?' in path else '?'}wisteria=1"
    assert faults(alice.client.get(more)) == {"/wisteria": "unknown-parameter"}


@each_range
@pytest.mark.parametrize(
    ("query", "fault"),
    [
        pytest.param({"from": "2026-03-02", "to": "2026-03-01"}, {"/to": "to-before-from"}, id="backwards"),
        pytest.param({"from": "2026-01-01", "to": "2027-01-02"}, {"/to": "range-too-long"}, id="367-days"),
        pytest.param({"timezone": "Europe/Wisteria"}, {"/timezone": "timezone"}, id="unknown-zone"),
        pytest.param({"from": "2026-02-30"}, {"/from": "date"}, id="no-day"),
        pytest.param({"to": "2026-02-01T10:00:00Z"}, {"/to": "date"}, id="a-time"),
    ],
)
def test_a_range_that_is_not_valid_is_refused(
    alice: Person, path: str, query: dict[str, str], fault: dict[str, str]
) -> None:
    assert faults(alice.client.get(path, params=query)) == fault


@each_range
def test_a_range_may_have_366_days(alice: Person, path: str) -> None:
    get(alice, path, from_="2026-01-01", to="2027-01-01")
    get(alice, path, from_="2026-01-01", to="2026-01-01")


@each_range
def test_the_time_zone_is_part_of_what_the_tag_names(alice: Person, path: str) -> None:
    range_ = {"from": "2026-01-01", "to": "2026-01-31"}
    own = alice.client.get(path, params=range_).headers["etag"]
    assert alice.client.get(path, params=range_ | {"timezone": "Europe/Berlin"}).headers["etag"] == own
    assert alice.client.get(path, params=range_ | {"timezone": "Asia/Tokyo"}).headers["etag"] != own
