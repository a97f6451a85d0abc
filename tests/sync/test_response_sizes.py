"""The sizes of responses: a page of a list, of the timeline or of a history, and the results of a push, end at 4 MiB."""

from itertools import pairwise
from typing import Any

import pytest

from app.records.codec import MAX_PAGE_BYTES
from tests.drafts import etag, resource_of
from tests.refusals import refused
from tests.rows import insert_copies
from tests.serving import Person, Server
from tests.sync.sync_client import PUSH, Json, SyncClient, upsert

BODY = "wisteria " * 11_000
COUNT = 60
"""Records of which 43 are too many for a page."""


@pytest.fixture
def sync(alice: Person) -> SyncClient:
    return SyncClient(alice)


@pytest.fixture
def long(server: Server, alice: Person, sync: SyncClient) -> list[str]:
    """The ids of reflections of 99 000 bytes each, all created at the same moment."""
    first = sync.push_applied(upsert("reflections", set={"body": BODY}))
    ids = [first["id"], *insert_copies(server, alice, resource_of("reflections"), first, [{}] * (COUNT - 1))]
    return sorted(ids, reverse=True)


def pages(person: Person, path: str, **query: Any) -> list[Json]:
    """Return every page of a list."""
    found = [person.client.get(path, params=query).json()]
    while (cursor := found[-1]["next_cursor"]) is not None:
        found.append(person.client.get(path, params=query | {"cursor": cursor}).json())
    return found


def reaches_the_maximum(records: list[Json]) -> bool:
    """Return whether records have 4 MiB together, and not without the last of them."""
    size = sum(len(each["body"]) for each in records)
    return MAX_PAGE_BYTES - len(BODY) < size < MAX_PAGE_BYTES + len(BODY)


@pytest.mark.parametrize("limit", [50, 200])
def test_a_page_of_a_list_ends_at_4_mib_and_the_next_page_continues_there(
    alice: Person, long: list[str], limit: int
) -> None:
    first, second = pages(alice, "/v1/reflections", limit=limit)
    assert reaches_the_maximum(first["items"])
    assert [each["id"] for each in (*first["items"], *second["items"])] == long
    assert first["items"][0] == alice.client.get(f"/v1/reflections/{long[0]}").json()


def test_a_short_page_of_long_texts_has_all_its_records(alice: Person, long: list[str]) -> None:
    assert [len(page["items"]) for page in pages(alice, "/v1/reflections", limit=30)] == [30, 30]
    assert len(long) == COUNT


def test_a_page_of_the_timeline_ends_at_4_mib_and_the_next_page_continues_there(alice: Person, long: list[str]) -> None:
    first, second = pages(alice, "/v1/timeline", limit=200)
    assert reaches_the_maximum([each["record"] for each in first["items"]])
    shown = [each["record"] for each in (*first["items"], *second["items"])]
    assert sorted((each["id"] for each in shown), reverse=True) == long
    assert shown[0] == alice.client.get(f"/v1/reflections/{shown[0]['id']}").json()


def test_a_page_of_a_history_ends_at_4_mib(server: Server, alice: Person, sync: SyncClient) -> None:
    record = sync.push_applied(upsert("reflections", set={"body": BODY}))
    devices = [alice, server.on_another_device(alice)]  # a version that another device replaces is always kept
    path = f"/v1/reflections/{record['id']}"
    for number in range(COUNT):
        client = devices[(number + 1) % 2].client
        record = client.patch(path, json={"mood": number % 2}, headers=etag(record)).json()
    first, second = pages(alice, f"{path}/history", limit=200)
    assert reaches_the_maximum([each["record"] for each in first["items"]])
    versions = [each["version"] for each in (*first["items"], *second["items"])]
    assert len(versions) == COUNT
    assert all(newer > older for newer, older in pairwise(versions))


def test_a_push_leaves_out_the_records_beyond_4_mib_and_says_so(
    alice: Person, sync: SyncClient, long: list[str]
) -> None:
    results = sync.push(*(upsert("reflections", id, set={"mood": 3}, was={"mood": None}) for id in long))
    returned = [each["record"] for each in results if each["record"] is not None]
    assert reaches_the_maximum(returned)
    assert [each["record_omitted"] for each in results] == [False] * len(returned) + [True] * (COUNT - len(returned))
    assert {(each["outcome"], each["status"], each["updated_at"]) for each in results} == {("applied", 200, None)}
    last = alice.client.get(f"/v1/reflections/{long[-1]}").json()
    assert (last["mood"], last["version"]) == (3, results[-1]["version"])


def test_an_atomic_push_that_failed_leaves_out_records_too(alice: Person, long: list[str]) -> None:
    ops = [upsert("reflections", id, set={"body": "wisteria"}) for id in long]
    problem = refused(alice.client.post(PUSH, json={"atomic": True, "ops": ops}), 409, "batch-refused")
    assert {each["outcome"] for each in problem["results"]} == {"conflict"}
    assert reaches_the_maximum([each["record"] for each in problem["results"] if not each["record_omitted"]])


def test_a_minimal_result_is_not_an_omitted_one(sync: SyncClient, long: list[str]) -> None:
    ops = [upsert("reflections", id, set={"mood": 3}, was={"mood": None}) for id in long]
    sync.push(*ops)
    removed = sync.push_one({"op": "delete", "collection": "reflections", "id": long[0]})
    assert (removed["record"], removed["record_omitted"]) == (None, False)


def test_a_problem_lists_up_to_a_hundred_faults(alice: Person) -> None:
    body = {f"wisteria_{number}": None for number in range(300)}
    assert len(refused(alice.client.post("/v1/reflections", json=body), 422, "validation")["errors"]) == 100
