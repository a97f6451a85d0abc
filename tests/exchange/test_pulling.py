"""A clinic pulls the changes of all its patients by one cursor."""

from collections.abc import Callable

import pytest

from tests.consents.clinic import Clinic, give, propose
from tests.drafts import Json
from tests.exchange.replica import Replica, pulled_anew
from tests.exchange.sharing import end, hide, shared, summary
from tests.exchange.test_visibility import ALL, change, linked
from tests.serving import Person


def test_each_change_is_returned_once_in_its_latest_state(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic)
    element = shared(alice)
    assert summary(replica.pull()) == [("connections", False), ("elements", False)]
    change(alice, "elements", element, title="wisteria 1")
    change(alice, "elements", element, title="wisteria 2")
    (seen,) = replica.pull()
    assert (seen["record"]["title"], seen["version"]) == ("wisteria 2", 4)
    assert replica.pull() == []
    assert pulled_anew(clinic) == replica.records


def test_what_was_shared_before_the_consent_is_returned(alice: Person, clinic: Clinic, replica: Replica) -> None:
    linked(alice)
    give(alice, clinic, shares=ALL)
    assert summary(replica.pull()) == [
        ("connections", False),
        ("sessions", False),
        ("elements", False),
        ("intentions", False),
        ("intentions", False),
        ("reflections", False),
        ("action-items", False),
        ("check-ins", False),
        ("assessments", False),
    ]


def remove(person: Person, element: Json) -> None:
    assert person.client.delete(f"/v1/elements/{element['id']}", headers={"If-Match": "*"}).status_code == 204


def remove_with_its_session(person: Person, element: Json) -> None:
    path = f"/v1/sessions/{element['session_id']}"
    assert person.client.delete(path, headers={"If-Match": "*"}).status_code == 204


@pytest.mark.parametrize("act", [hide, remove, remove_with_its_session])
def test_what_is_not_seen_any_more_is_removed_without_a_reason(
    alice: Person, clinic: Clinic, replica: Replica, act: Callable[[Person, Json], None]
) -> None:
    give(alice, clinic)
    element = shared(alice)
    replica.pull()
    act(alice, element)
    (seen,) = replica.pull()
    (connection,) = clinic.connections()
    assert seen == {
        "collection": "elements",
        "patient": connection["id"],
        "id": element["id"],
        "version": 3,
        "removed": True,
        "record": None,
    }
    assert "elements" not in {key[1] for key in pulled_anew(clinic)}


def test_a_consent_that_ends_is_one_removed_connection(alice: Person, clinic: Clinic, replica: Replica) -> None:
    consent = give(alice, clinic, shares=ALL)
    linked(alice)
    replica.pull()
    (connection,) = clinic.connections()
    end(alice, consent)
    (seen,) = replica.pull()
    assert (seen["collection"], seen["id"], seen["patient"]) == ("connections", connection["id"], connection["id"])
    assert (seen["removed"], seen["record"]) == (True, None)
    assert replica.records == {}
    assert summary(Replica(clinic).pull()) == [("connections", True)]


def test_a_new_consent_delivers_again_with_higher_versions(alice: Person, clinic: Clinic, replica: Replica) -> None:
    consent = give(alice, clinic, shares=ALL)
    linked(alice)
    before = replica.pull()
    end(alice, consent)
    replica.pull()
    give(alice, clinic, shares=ALL)
    after = replica.pull()
    assert summary(after) == summary(before)
    assert min(each["version"] for each in after) > max(each["version"] for each in before)
    pairs = [(each["patient"], each["collection"], each["id"], each["version"]) for each in replica.received]
    assert len({*pairs}) == len(pairs)


@pytest.mark.parametrize(
    "terms",
    [{"name": "Alice"}, {"receives": False}, {"until": "2199-01-01T00:00:00Z"}, {"shares": ["elements", "sessions"]}],
    ids=["name", "receives", "until", "shares"],
)
def test_changed_terms_deliver_what_they_cover_again(
    alice: Person, clinic: Clinic, replica: Replica, terms: Json
) -> None:
    consent = give(alice, clinic, shares=ALL)
    linked(alice)
    replica.pull()
    assert alice.client.patch(f"/v1/consents/{consent['id']}", json=terms).status_code == 200
    changes = replica.pull()
    covered = {*terms.get("shares", ALL)}
    assert {each["collection"] for each in changes if not each["removed"]} == covered | {"connections"}
    assert {each["collection"] for each in changes if each["removed"]} == {*ALL} - covered
    (connection,) = [each["record"] for each in changes if each["collection"] == "connections"]
    assert connection == clinic.connections()[0]
    assert pulled_anew(clinic) == replica.records


def test_terms_that_stay_the_same_deliver_nothing(alice: Person, clinic: Clinic, replica: Replica) -> None:
    consent = give(alice, clinic)
    replica.pull()
    alice.client.patch(f"/v1/consents/{consent['id']}", json={"receives": True})
    assert replica.pull() == []


def test_a_collection_that_is_shared_again_is_delivered(alice: Person, clinic: Clinic, replica: Replica) -> None:
    consent = give(alice, clinic, shares=ALL)
    linked(alice)
    for shares in (["sessions"], ALL, [], ALL):
        alice.client.patch(f"/v1/consents/{consent['id']}", json={"shares": shares})
        replica.pull()
        assert pulled_anew(clinic) == replica.records
    assert {key[1] for key in replica.records} == {*ALL, "connections"}


def test_a_proposal_delivers_nothing_until_it_is_redeemed(alice: Person, clinic: Clinic, replica: Replica) -> None:
    shared(alice)
    proposed = propose(alice, clinic)
    alice.client.patch(f"/v1/consents/{proposed['id']}", json={"name": "Alice"})
    assert replica.pull() == []
    clinic.redeem(proposed["code"])
    assert summary(replica.pull()) == [("connections", False), ("elements", False)]


def test_identifiers_are_a_change_of_the_connection(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic, "P-1")
    replica.pull()
    alice.client.post("/v1/consents", json={"code": clinic.invite("P-2")["code"], "shares": [], "receives": False})
    (added,) = replica.pull()
    assert [each["value"] for each in added["record"]["identifiers"]] == ["P-1", "P-2"]
    path = f"/v1/clinic/connections/{added['id']}"
    clinic.client.patch(path, json={"identifiers": [clinic.identifier("P-3")]})
    (replaced,) = replica.pull()
    assert (replaced["record"]["identifiers"], replaced["version"]) == ([clinic.identifier("P-3")], 3)
    clinic.client.patch(path, json={"identifiers": [clinic.identifier("P-3")]})
    assert replica.pull() == []


def test_a_clinic_gets_only_its_own_patients(
    alice: Person, bob: Person, clinic: Clinic, other_clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic)
    give(bob, other_clinic)
    shared(alice)
    shared(bob)
    replica.pull()
    assert len({key[0] for key in replica.records}) == 1
    assert {key[0] for key in replica.records} == {clinic.connections()[0]["id"]}


def test_pages_are_limited(alice: Person, bob: Person, clinic: Clinic, replica: Replica) -> None:
    for person in (alice, bob):
        give(person, clinic)
        for _ in range(3):
            shared(person)
    sizes = []
    while True:
        page = replica.page(limit=3)
        sizes.append(len(page["changes"]))
        if not page["has_more"]:
            break
    assert sizes == [3, 3, 2]
    assert pulled_anew(clinic) == replica.records


def test_a_page_ends_at_4_mib(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic, shares=["reflections"])
    ops = [
        {
            "op": "upsert",
            "collection": "reflections",
            "id": f"019aa2c4-7b00-7000-8000-0000000000{number:02x}",
            "set": {"body": "w" * 100_000, "occurred_at": "2026-11-22T18:31:00Z", "visibility": "shared"},
        }
        for number in range(60)
    ]
    for some in (ops[:20], ops[20:40], ops[40:]):
        assert alice.client.post("/v1/sync/push", json={"ops": some}).status_code == 200
    first = replica.page(limit=1000)
    assert (len(first["changes"]), first["has_more"]) == (43, True)
    second = replica.page(limit=1000)
    assert (len(second["changes"]), second["has_more"]) == (18, False)
    assert len(replica.ids("reflections")) == 60


def test_a_pull_of_one_patient_or_some_collections(
    alice: Person, bob: Person, clinic: Clinic, other_clinic: Clinic
) -> None:
    give(alice, clinic, "P-1", shares=ALL)
    give(bob, clinic, "P-2", shares=ALL)
    give(bob, other_clinic)
    linked(alice)
    linked(bob)
    (hers,) = clinic.connections(identifier="urn:wisteria-house:chart|P-1")
    (his,) = other_clinic.connections()
    changes = Replica(clinic).pull(patient=hers["id"], collections="elements,connections")
    assert [(each["collection"], each["patient"]) for each in changes] == [
        ("connections", hers["id"]),
        ("elements", hers["id"]),
    ]
    assert Replica(clinic).pull(patient=his["id"]) == []
    assert Replica(clinic).pull(patient=str(alice.id)) == []
