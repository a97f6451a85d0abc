"""Requests at the same time about one code, one chart or one consent: what one of them decides holds for all."""

from collections import Counter

import pytest

from app.clinics.calls import ClientCaller
from app.clinics.consent_tables import EndedBy
from app.clinics.tables import Purpose
from app.consents import codes, invitations
from app.consents.clinic_shapes import InvitationDraft
from app.consents.writing import Origin, lock_consents
from app.db import Row
from app.ids import new_id
from app.problems import NotFound, NotSignedIn, UnknownCode
from tests.clinics.clients import end_clinic
from tests.consents.clinic import TERMS, Clinic, accesses, give, new_clinic, propose
from tests.parallel import at_once
from tests.refusals import refused
from tests.rows import feed_of
from tests.serving import Person, Server

ROUNDS = 3


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_an_invitation_is_used_by_one_of_many(server: Server, clinic: Clinic, _round: int) -> None:
    people = [server.person(f"person {number}") for number in range(6)]
    code = clinic.invite()["code"]
    body = TERMS | {"code": code}
    statuses = at_once(lambda number: people[number].client.post("/v1/consents", json=body).status_code, 6)
    assert Counter(statuses) == {201: 1, 422: 5}
    assert len(clinic.connections()) == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_proposal_is_redeemed_once(alice: Person, clinic: Clinic, _round: int) -> None:
    code = propose(alice, clinic)["code"]

    def redeem(number: int) -> int:
        draft = {"code": code, "identifier": clinic.identifier(f"P-{number}")}
        return clinic.client.post("/v1/clinic/connections", json=draft).status_code

    assert Counter(at_once(redeem, 6)) == {201: 1, 422: 5}
    (connection,) = clinic.connections()
    assert len(connection["identifiers"]) == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_chart_is_given_to_one_of_many(server: Server, clinic: Clinic, _round: int) -> None:
    codes = [propose(server.person(f"person {number}"), clinic)["code"] for number in range(6)]

    def redeem(number: int) -> int:
        draft = {"code": codes[number], "identifier": clinic.identifier("P-1")}
        return clinic.client.post("/v1/clinic/connections", json=draft).status_code

    assert Counter(at_once(redeem, 6)) == {201: 1, 409: 5}


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_an_account_has_one_live_consent_for_a_clinic(server: Server, alice: Person, _round: int) -> None:
    clinic = new_clinic(server)
    draft = TERMS | {"clinic": clinic.share_code}
    statuses = at_once(lambda _: alice.client.post("/v1/consents", json=draft).status_code, 6)
    assert Counter(statuses) == {201: 1, 409: 5}


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_nothing_is_read_or_written_after_an_end_was_acknowledged(
    server: Server, alice: Person, clinic: Clinic, _round: int
) -> None:
    consent = give(alice, clinic, "P-1")
    (connection,) = clinic.connections()
    path = f"/v1/clinic/connections/{connection['id']}"
    body = {"identifiers": [clinic.identifier("P-1"), clinic.identifier("P-2")]}

    def act(number: int) -> set[int]:
        if number == 0:
            response = alice.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"})
            assert response.status_code == 200
            assert clinic.connections() == []
            assert clinic.client.patch(path, json=body).status_code == 404
            return {len(accesses(alice))}
        if number < 4:
            return {clinic.client.patch(path, json=body).status_code for _ in range(5)}
        return {len(clinic.connections()) for _ in range(5)}

    ended, *others = at_once(act, 6)
    assert all(each <= {200, 404, 0, 1} for each in others)
    entries = accesses(alice)
    newest = [each["action"] for each in entries].index("end")
    assert [each["action"] for each in entries[:newest] if each["action"] == "write"] == []
    assert ended
    assert feed_of(server, alice)["consents"] == 0


def test_an_invitation_that_was_used_after_it_was_found_is_unknown(
    server: Server, alice: Person, bob: Person, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = clinic.invite()["code"]
    found = server.run(codes.find_invitation(server.db, server.services, code))
    assert alice.client.post("/v1/consents", json=TERMS | {"code": code}).status_code == 201

    async def find_before(*_arguments: object) -> Row | None:
        return found

    monkeypatch.setattr(codes, "find_invitation", find_before)
    refused(bob.client.post("/v1/consents", json=TERMS | {"code": code}), 422, "unknown-code")
    assert len(clinic.connections()) == 1


def test_a_clinic_that_ends_after_it_was_found_gets_no_consent_and_no_invitation(
    server: Server, alice: Person, clinic: Clinic
) -> None:
    services = server.services
    end_clinic(server, {"clinic_id": clinic.id})

    async def propose_late() -> None:
        async with lock_consents(services, alice.id, Origin(EndedBy.PATIENT)) as write:
            await write.lock_clinic(clinic.id)

    with pytest.raises(UnknownCode):
        server.run(propose_late())
    caller = ClientCaller(services, clinic.client_id, clinic.id, "", Purpose.TREATMENT, "", "")
    draft = InvitationDraft.model_validate(
        {"identifier": clinic.identifier(), "asks": {"shares": [], "receives": True, "purpose": "treatment"}}
    )
    with pytest.raises(NotSignedIn):
        server.run(invitations.invite(caller, draft))


def test_an_account_that_was_erased_meanwhile_is_not_found(server: Server) -> None:
    async def write_late() -> None:
        async with lock_consents(server.services, new_id(), Origin(EndedBy.PATIENT)):
            pytest.fail("an account that does not exist was locked")

    with pytest.raises(NotFound):
        server.run(write_late())
