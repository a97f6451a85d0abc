"""The timeline: each record at its own time, newest first, in pages."""

import pytest

from app.resources import RESOURCES
from tests.drafts import Json, etag, resource_of
from tests.refusals import faults, refused
from tests.rows import changes_of, insert_copies
from tests.serving import Person, Server
from tests.views.views import create, element, get

PATH = "/v1/timeline"
UNDATED = {"elements", "intentions", "practices"}
"""The collections whose records count from their creation."""
STARTED = "2026-03-01T09:00:00.000000Z"


def happened(person: Person, **query: str | int | None) -> list[tuple[str, str]]:
    """Return the time and id of each record in a page of the timeline."""
    return [(each["happened_at"], each["id"]) for each in get(person, PATH, **query)["items"]]


def ids(person: Person, **query: str | int | None) -> list[str]:
    """Return the ids in a page of the timeline."""
    return [id for _, id in happened(person, **query)]


def test_an_account_without_records_has_an_empty_timeline(alice: Person) -> None:
    assert get(alice, PATH) == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("collection", [kind.collection for kind in RESOURCES])
def test_a_record_is_shown_as_it_is_read(alice: Person, collection: str) -> None:
    record = create(alice, collection)
    shown = next(each for each in get(alice, PATH)["items"] if each["id"] == record["id"])
    assert (shown["collection"], shown["record"]) == (collection, record)


@pytest.mark.parametrize("collection", sorted(UNDATED))
def test_a_record_without_a_time_of_its_own_counts_from_its_creation(alice: Person, collection: str) -> None:
    record = create(alice, collection)
    assert (record["created_at"], record["id"]) in happened(alice, collections=collection)


@pytest.mark.parametrize(
    ("collection", "fields", "expected"),
    [
        pytest.param(
            "sessions", {"started_at": STARTED, "scheduled_at": None, "ended_at": None}, STARTED, id="started"
        ),
        pytest.param(
            "sessions",
            {"started_at": STARTED, "scheduled_at": "2026-03-01T08:30:00Z", "ended_at": None},
            STARTED,
            id="started-and-planned",
        ),
        pytest.param(
            "sessions",
            {"status": "planned", "started_at": None, "ended_at": None, "scheduled_at": STARTED},
            STARTED,
            id="planned",
        ),
        pytest.param("reflections", {"occurred_at": STARTED}, STARTED, id="occurred"),
        pytest.param("action-items", {"status": "completed", "completed_at": STARTED}, STARTED, id="completed"),
        pytest.param("practice-entries", {"day": "2026-07-01"}, "2026-07-01T10:00:00.000000Z", id="noon-in-summer"),
        pytest.param("check-ins", {"taken_at": STARTED}, STARTED, id="check-in"),
        pytest.param("assessments", {"taken_at": STARTED}, STARTED, id="taken"),
        pytest.param("outcomes", {"day": "2026-03-01"}, "2026-03-01T11:00:00.000000Z", id="noon-of-a-day"),
    ],
)
def test_a_record_counts_from_its_own_time(alice: Person, collection: str, fields: Json, expected: str) -> None:
    record = create(alice, collection, **fields)
    assert (expected, record["id"]) in happened(alice, collections=collection)


def test_an_open_action_item_counts_from_its_creation_until_it_is_completed(alice: Person) -> None:
    item = create(alice, "action-items", due_on=None)
    assert happened(alice) == [(item["created_at"], item["id"])]
    done = {"status": "completed", "completed_at": STARTED}
    alice.client.patch(f"/v1/action-items/{item['id']}", json=done, headers=etag(item))
    assert happened(alice) == [(STARTED, item["id"])]


def test_records_of_one_time_are_ordered_by_their_latest_change(alice: Person) -> None:
    first, second = (create(alice, "reflections", occurred_at=STARTED) for _ in range(2))
    assert ids(alice) == [second["id"], first["id"]]
    alice.client.patch(f"/v1/reflections/{first['id']}", json={"title": "wisteria"}, headers=etag(first))
    assert ids(alice) == [first["id"], second["id"]]


def test_a_removed_record_is_gone_and_leaves_no_time(server: Server, alice: Person) -> None:
    record = create(alice, "reflections")
    alice.client.delete(f"/v1/reflections/{record['id']}", headers=etag(record))
    assert ids(alice) == []
    assert changes_of(server, alice)[record["id"]]["happened_at"] is None


def test_a_pushed_record_is_shown_at_its_time(alice: Person) -> None:
    op = {
        "op": "upsert",
        "collection": "reflections",
        "id": "019aa2c4-7b00-7000-8000-00000000beef",
        "set": {"body": "wisteria", "occurred_at": STARTED},
    }
    alice.client.post("/v1/sync/push", json={"ops": [op]})
    assert happened(alice) == [(STARTED, op["id"])]


def test_a_reference_that_becomes_null_leaves_the_time_as_it_was(alice: Person) -> None:
    intention = create(alice, "intentions")
    record = create(alice, "reflections", occurred_at=STARTED, intention_id=intention["id"])
    alice.client.delete(f"/v1/intentions/{intention['id']}", headers=etag(intention))
    assert happened(alice) == [(STARTED, record["id"])]


def test_pages_follow_each_other_without_a_gap_or_a_repetition(server: Server, alice: Person) -> None:
    record = create(alice, "reflections", occurred_at=STARTED)
    copies = insert_copies(server, alice, resource_of("reflections"), record, [{} for _ in range(6)])
    found: list[str] = []
    cursor: Json = {}
    for _ in range(4):
        page = get(alice, PATH, limit=2, **cursor)
        found += [each["id"] for each in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert cursor == {"cursor": None}
    assert found == [*reversed(copies), record["id"]]


def test_a_cursor_continues_only_its_own_timeline(alice: Person, bob: Person) -> None:
    for _ in range(2):
        create(alice, "reflections")
    cursor = get(alice, PATH, limit=1)["next_cursor"]
    for person, query in (
        (bob, {}),
        (alice, {"collections": "sessions"}),
        (alice, {"from": "2026-01-01"}),
        (alice, {"session_id": cursor_free_id()}),
    ):
        refused(person.client.get(PATH, params=query | {"cursor": cursor}), 400, "invalid-cursor")
    refused(alice.client.get(PATH, params={"cursor": cursor + "A"}), 400, "invalid-cursor")
    assert len(ids(alice, cursor=cursor)) == 1


def cursor_free_id() -> str:
    """Return an id that no record has."""
    return "019aa2c4-7b00-7000-8000-00000000cafe"


def test_a_range_has_local_days_with_both_ends(alice: Person) -> None:
    times = ("2026-02-28T22:59:59.999Z", "2026-02-28T23:00:00Z", "2026-03-02T22:59:59.999Z", "2026-03-02T23:00:00Z")
    records = [create(alice, "reflections", occurred_at=each)["id"] for each in times]
    assert ids(alice, from_="2026-03-01", to="2026-03-02") == [records[2], records[1]]
    assert ids(alice, from_="2026-03-01") == [records[3], records[2], records[1]]
    assert ids(alice, to="2026-03-02") == [records[2], records[1], records[0]]
    assert ids(alice, from_="2026-02-28", to="2026-02-28", timezone="UTC") == [records[1], records[0]]


def test_a_day_on_which_midnight_is_skipped_begins_with_the_gap(alice: Person) -> None:
    zone = {"timezone": "America/Santiago"}  # on 6 September 2026 clocks go from midnight to one o'clock
    before, after = (
        create(alice, "reflections", occurred_at=each)["id"]
        for each in ("2026-09-06T03:59:59Z", "2026-09-06T04:00:00Z")
    )
    assert ids(alice, from_="2026-09-06", to="2026-09-06", **zone) == [after]
    assert ids(alice, from_="2026-09-05", to="2026-09-05", **zone) == [before]


def test_a_timeline_of_some_collections_has_only_their_records(alice: Person) -> None:
    records = {each: create(alice, each)["id"] for each in ("sessions", "intentions", "reflections")}
    assert ids(alice, collections="reflections") == [records["reflections"]]
    assert {*ids(alice, collections="reflections,sessions")} == {records["reflections"], records["sessions"]}
    assert faults(alice.client.get(PATH, params={"collections": "wisteria"})) == {"/collections": "collection"}


def test_a_timeline_of_a_session_has_it_and_what_refers_to_it(alice: Person) -> None:
    session, other = create(alice, "sessions"), create(alice, "sessions")
    referring = [element(alice, session)["id"], create(alice, "reflections", session_id=session["id"])["id"]]
    element(alice, other)
    create(alice, "reflections")
    assert {*ids(alice, session_id=session["id"])} == {session["id"], *referring}
    assert ids(alice, session_id=session["id"], collections="elements") == referring[:1]
    assert ids(alice, session_id=cursor_free_id()) == []


def test_a_session_of_another_person_has_no_timeline(alice: Person, bob: Person) -> None:
    session = create(bob, "sessions")
    element(bob, session)
    assert ids(alice, session_id=session["id"]) == []


@pytest.mark.parametrize("limit", ["0", "201", "wisteria", ""])
def test_a_limit_out_of_range_is_refused(alice: Person, limit: str) -> None:
    assert faults(alice.client.get(PATH, params={"limit": limit})) == {"/limit": "limit"}
