"""Concurrency: if several devices write at once, each write has its effect exactly once."""

import httpx2 as httpx

from app.records import Resource
from app.resources import RESOURCES
from tests.drafts import Json, create_record, draft_of, etag, reworded
from tests.parallel import DEVICES, at_once
from tests.refusals import refused
from tests.rows import changes_of, feed_of
from tests.serving import Person, Server

PEOPLE = 24


def test_no_sequence_number_is_skipped_or_used_twice(server: Server, alice: Person) -> None:
    drafts = [(kind, draft_of(kind, alice)) for kind in RESOURCES for _ in range(DEVICES)]
    head = feed_of(server, alice)["head"]

    def write(device: int) -> list[httpx.Response]:
        return [alice.client.post(f"/v1/{kind.collection}", json=draft) for kind, draft in drafts[device::DEVICES]]

    versions = [response.json()["version"] % 2**40 for responses in at_once(write) for response in responses]
    assert sorted(versions) == list(range(head + 1, head + 1 + len(drafts)))
    assert feed_of(server, alice)["head"] == max(versions)
    assert sorted(row["seq"] for row in changes_of(server, alice).values()) == list(range(2, max(versions) + 1))


def test_the_same_draft_from_several_devices_creates_one_record(alice: Person, resource: Resource, path: str) -> None:
    draft = draft_of(resource, alice)
    responses = at_once(lambda _: alice.client.post(path, json=draft))
    assert sorted(response.status_code for response in responses) == [200] * (DEVICES - 1) + [201]
    assert len({response.content for response in responses}) == 1
    assert alice.client.get(path).json()["items"] == [responses[0].json()]


def test_of_several_patches_of_one_version_exactly_one_succeeds(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    record = create_record(alice.client, resource, alice)
    url, head = f"{path}/{record['id']}", feed_of(server, alice)["head"]

    def edit(device: int) -> httpx.Response:
        return alice.client.patch(url, json=reworded(resource, f"wisteria {device}"), headers=etag(record))

    responses = at_once(edit)
    (winner,) = [response.json() for response in responses if response.status_code == 200]
    losers = [refused(response, 412, "outdated") for response in responses if response.status_code != 200]
    assert [each["current"] for each in losers] == [winner] * (DEVICES - 1)
    assert alice.client.get(url).json() == winner
    assert feed_of(server, alice)["head"] == head + 1
    removed = at_once(lambda _: alice.client.delete(url, headers=etag(winner)))
    assert sorted(response.status_code for response in removed) == [204] + [404] * (DEVICES - 1)


def test_forced_patches_of_different_fields_at_once_are_all_stored(
    alice: Person, resource: Resource, path: str
) -> None:
    record = create_record(alice.client, resource, alice)
    edits: tuple[Json, ...] = (reworded(resource, "wisteria, kept"), {"visibility": "shared"})
    url = f"{path}/{record['id']}"
    at_once(lambda device: alice.client.patch(url, json=edits[device % 2], headers={"If-Match": "*"}))
    after = alice.client.get(url).json()
    assert after == after | edits[0] | edits[1]
    assert after["version"] == record["version"] + 2


def test_many_people_at_once_each_get_their_own_records(server: Server, resource: Resource, path: str) -> None:
    people = [server.person(f"person {number}") for number in range(PEOPLE)]
    drafts = [draft_of(resource, person) | reworded(resource, person.email) for person in people]

    def use(number: int) -> list[httpx.Response]:
        """Create a record, read it, read and patch another person's, update the own one and read it again."""
        client, draft = people[number].client, drafts[number]
        mine, theirs = (f"{path}/{each['id']}" for each in (draft, drafts[number - 1]))
        created = client.post(path, json=draft)
        responses = [
            created,
            client.get(mine),
            client.get(theirs),
            client.patch(theirs, json={}, headers={"If-Match": "*"}),
        ]
        changes = reworded(resource, f"again {people[number].email}")
        changed = client.patch(mine, json=changes, headers=etag(created.json()))
        return [*responses, changed, client.get(mine)]

    for person, (created, *read, changed, last) in zip(people, at_once(use, PEOPLE), strict=True):
        assert [each.status_code for each in (created, *read, changed, last)] == [201, 200, 404, 404, 200, 200]
        assert created.json() == created.json() | reworded(resource, person.email)
        assert read[0].json() == created.json()
        assert last.json() == changed.json()
        assert last.json() == last.json() | reworded(resource, f"again {person.email}")
        assert person.client.get(path).json()["items"] == [last.json()]
