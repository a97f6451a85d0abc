"""Concurrency: however many devices write at once, every write counts once and none is lost."""

import httpx2 as httpx

from app.records import Resource
from app.resources import RESOURCES
from tests.drafts import WORDS, Json, draft_of, etag, written
from tests.parallel import DEVICES, at_once
from tests.refusals import refused
from tests.rows import changes_of, feed_of
from tests.serving import Person, Server

CROWD = 24


def test_no_number_is_skipped_or_given_twice(server: Server, alice: Person) -> None:
    drafts = [(kind, draft_of(kind, alice)) for kind in RESOURCES for _ in range(DEVICES)]
    head = feed_of(server, alice)["head"]

    def write(device: int) -> list[httpx.Response]:
        return [alice.client.post(f"/v1/{kind.collection}", json=draft) for kind, draft in drafts[device::DEVICES]]

    versions = [answer.json()["version"] % 2**40 for answers in at_once(write) for answer in answers]
    assert sorted(versions) == list(range(head + 1, head + 1 + len(drafts)))
    assert feed_of(server, alice)["head"] == max(versions)
    assert sorted(row["seq"] for row in changes_of(server, alice).values()) == list(range(2, max(versions) + 1))


def test_one_draft_from_every_device_makes_one_record(alice: Person, resource: Resource, path: str) -> None:
    draft = draft_of(resource, alice)
    answers = at_once(lambda _: alice.client.post(path, json=draft))
    assert sorted(answer.status_code for answer in answers) == [200] * (DEVICES - 1) + [201]
    assert len({answer.content for answer in answers}) == 1
    assert alice.client.get(path).json()["items"] == [answers[0].json()]


def test_of_edits_on_one_version_exactly_one_wins(server: Server, alice: Person, resource: Resource, path: str) -> None:
    record, field = written(alice.client, resource, alice), WORDS[resource.collection]
    address, head = f"{path}/{record['id']}", feed_of(server, alice)["head"]

    def edit(device: int) -> httpx.Response:
        return alice.client.patch(address, json={field: f"wisteria {device}"}, headers=etag(record))

    answers = at_once(edit)
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    lost = [refused(answer, 412, "outdated") for answer in answers if answer.status_code != 200]
    assert [each["current"] for each in lost] == [won] * (DEVICES - 1)
    assert alice.client.get(address).json() == won
    assert feed_of(server, alice)["head"] == head + 1
    removed = at_once(lambda _: alice.client.delete(address, headers=etag(won)))
    assert sorted(answer.status_code for answer in removed) == [204] + [404] * (DEVICES - 1)


def test_different_fields_edited_at_once_by_force_are_all_kept(alice: Person, resource: Resource, path: str) -> None:
    record, field = written(alice.client, resource, alice), WORDS[resource.collection]
    edits: tuple[Json, ...] = ({field: "wisteria, kept"}, {"visibility": "shared"})
    address = f"{path}/{record['id']}"
    at_once(lambda device: alice.client.patch(address, json=edits[device % 2], headers={"If-Match": "*"}))
    after = alice.client.get(address).json()
    assert {name: after[name] for name in (field, "visibility")} == edits[0] | edits[1]
    assert after["version"] == record["version"] + 2


def test_in_a_crowd_everybody_is_answered_for_themselves(server: Server, resource: Resource, path: str) -> None:
    people = [server.person(f"person {number}") for number in range(CROWD)]
    drafts = [draft_of(resource, person) | {WORDS[resource.collection]: person.email} for person in people]

    def live(number: int) -> list[httpx.Response]:
        """Write a record, read it and the next one's, change it, and read it again."""
        client, draft, field = people[number].client, drafts[number], WORDS[resource.collection]
        mine, theirs = (f"{path}/{each['id']}" for each in (draft, drafts[number - 1]))
        made = client.post(path, json=draft)
        told = [made, client.get(mine), client.get(theirs), client.patch(theirs, json={}, headers={"If-Match": "*"})]
        changed = client.patch(mine, json={field: f"again {people[number].email}"}, headers=etag(made.json()))
        return [*told, changed, client.get(mine)]

    for person, (made, *read, changed, last) in zip(people, at_once(live, CROWD), strict=True):
        assert [each.status_code for each in (made, *read, changed, last)] == [201, 200, 404, 404, 200, 200]
        assert made.json()[WORDS[resource.collection]] == person.email
        assert read[0].json() == made.json()
        assert last.json() == changed.json()
        assert last.json()[WORDS[resource.collection]] == f"again {person.email}"
        assert person.client.get(path).json()["items"] == [last.json()]
