"""What clinics pull after a purge, a restore and an erasure."""

from datetime import timedelta

import pytest

from app import clock
from app.clinics import administration
from app.exchange import purging
from app.leaving import erasing
from tests.consents.clinic import Clinic, give
from tests.exchange.replica import Replica, entry, pulled_anew, push
from tests.exchange.sharing import end, hide, shared
from tests.refusals import refused
from tests.serving import PASSWORD, Person, Server


def purged(server: Server, *, before: timedelta = timedelta(seconds=1)) -> int:
    """Purge what is older than an instant; return how many removals were deleted."""

    async def purge() -> int:
        return sum([count async for count in purging.purge(server.db, clock.now() + before)])

    return server.run(purge())


def expired(clinic: Clinic, cursor: str) -> bool:
    response = clinic.client.get("/v1/clinic/changes", params={"since": cursor})
    if response.status_code == 410:
        refused(response, 410, "cursor-expired")
    return response.status_code == 410


def test_a_purge_expires_the_cursors_before_what_it_deletes(
    server: Server, alice: Person, clinic: Clinic, other_clinic: Clinic, replica: Replica
) -> None:
    purged(server)  # what other tests have left
    other, bob = Replica(other_clinic), server.person("bob")
    give(alice, clinic)
    consent = give(bob, other_clinic)
    element = shared(alice)
    replica.pull()
    other.pull()
    hide(alice, element)
    end(bob, consent)
    assert purged(server) == 0  # what no clinic has pulled is kept
    before, others_before = replica.cursor, other.cursor
    replica.pull()
    other.pull()
    assert purged(server, before=timedelta(days=-1)) == 0
    assert purged(server) == 2
    assert purged(server) == 0
    assert [expired(clinic, cursor) for cursor in (before, replica.cursor)] == [True, False]
    assert [expired(other_clinic, cursor) for cursor in (others_before, other.cursor)] == [True, False]
    assert {key[1] for key in pulled_anew(clinic)} == {"connections"}
    assert Replica(other_clinic).pull() == []


def test_a_purge_of_many_pages(
    server: Server, alice: Person, clinic: Clinic, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    purged(server)  # what other tests have left
    monkeypatch.setattr(purging, "BATCH_SIZE", 2)
    give(alice, clinic)
    for _ in range(5):
        hide(alice, shared(alice))
    replica.pull()
    assert purged(server) == 5


def test_a_restore_expires_the_cursors_of_all_clinics(
    server: Server, alice: Person, clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic)
    replica.pull()
    server.run(administration.raise_epochs(server.db, 3))
    assert expired(clinic, replica.cursor)
    assert pulled_anew(clinic) == replica.records


@pytest.mark.parametrize("has_pulled", [True, False], ids=["pulled", "not pulled"])
def test_an_erasure_is_not_missed(
    server: Server, alice: Person, bob: Person, clinic: Clinic, replica: Replica, *, has_pulled: bool
) -> None:
    give(alice, clinic, "P-1")
    give(bob, clinic, "P-2")
    push(clinic, entry(clinic.identifier("P-1")), entry(clinic.identifier("P-2")))
    replica.pull()
    before = replica.cursor
    assert alice.client.post("/v1/me/close", json={"password": PASSWORD}).status_code == 202
    if has_pulled:
        replica.pull()
    server.run(erasing.erase(server.services, alice.id, again=True))
    assert expired(clinic, before)
    assert expired(clinic, replica.cursor) != has_pulled
    assert {key[0] for key in pulled_anew(clinic)} == {each["id"] for each in clinic.connections()}
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    assert result["reason"] == "unknown-patient"
