"""Codes: how they may be typed, that each works once, and that guessing is limited."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.clinics import administration
from app.clinics.consent_tables import ConsentRecord, InvitationRecord
from app.clinics.tables import Purpose
from app.db import Statement, bind
from tests.clinics.clients import end_client
from tests.conftest import Servers
from tests.consents.clinic import TERMS, Clinic, new_client, new_clinic, propose
from tests.drafts import Json
from tests.refusals import refused
from tests.rows import dump_database
from tests.serving import Person, Server

_invitation, _consent = InvitationRecord.table(), ConsentRecord.table()
EXPIRE_INVITATIONS = Statement(sa.update(_invitation).values(expires_at=bind(_invitation.c.expires_at)))
EXPIRE_PROPOSALS = Statement(
    sa.update(_consent).where(_consent.c.code_mac.is_not(None)).values(ends_at=bind(_consent.c.ends_at))
)
NOT_CODES = [
    "",
    "-",
    "wisteria",
    "AAAA-AAAA-AAAA",
    "AAAA-AAAA-AAA",
    "UUUU-UUUU-UUUU",
    "٢٢٢٢-٢٢٢٢-٢٢٢٢",
    "🌿" * 12,
    "w" * 100,
]


def asked(person: Person, code: str) -> int:
    return person.client.post("/v1/codes", json={"code": code}).status_code


def consenting(person: Person, code: str, name: str = "code") -> Json:
    """Try to consent with a code; return the problem."""
    return refused(person.client.post("/v1/consents", json=TERMS | {name: code}), 422, "unknown-code")


def redeeming(clinic: Clinic, code: str) -> Json:
    """Let the clinic try to redeem a code; return the problem."""
    draft = {"code": code, "identifier": clinic.identifier()}
    return refused(clinic.client.post("/v1/clinic/connections", json=draft), 422, "unknown-code")


def test_case_dashes_and_lookalikes_are_ignored(alice: Person, clinic: Clinic) -> None:
    code = clinic.invite()["code"]
    for typed in (code.lower(), code.replace("-", ""), f"-{code}-", code.replace("0", "o").replace("1", "l")):
        assert asked(alice, typed) == 200, typed


@pytest.mark.parametrize("code", NOT_CODES[1:], ids=ascii)
def test_a_wrong_code_is_unknown(alice: Person, clinic: Clinic, code: str) -> None:
    assert asked(alice, code) == 404
    problems = [consenting(alice, code), consenting(alice, code, "clinic"), redeeming(clinic, code)]
    assert [each["errors"][0]["pointer"] for each in problems] == ["/code", "/clinic", "/code"]


def test_a_code_of_one_kind_is_no_code_of_another(alice: Person, bob: Person, clinic: Clinic) -> None:
    invitation, proposal = clinic.invite()["code"], propose(alice, clinic)["code"]
    consenting(bob, clinic.share_code)
    consenting(bob, invitation, "clinic")
    consenting(bob, proposal)
    consenting(bob, proposal, "clinic")
    assert asked(bob, proposal) == 404
    redeeming(clinic, invitation)
    redeeming(clinic, clinic.share_code)


def test_an_invitation_works_once(alice: Person, bob: Person, clinic: Clinic) -> None:
    code = clinic.invite()["code"]
    assert alice.client.post("/v1/consents", json=TERMS | {"code": code}).status_code == 201
    for person in (alice, bob):
        consenting(person, code)
        assert asked(person, code) == 404


def test_the_code_of_a_proposal_works_once_and_at_its_clinic(
    alice: Person, clinic: Clinic, other_clinic: Clinic
) -> None:
    code = propose(alice, clinic)["code"]
    redeeming(other_clinic, code)
    clinic.redeem(code)
    redeeming(clinic, code)


def test_a_client_for_research_does_not_redeem_a_consent_for_treatment(
    server: Server, alice: Person, clinic: Clinic
) -> None:
    research = new_client(server, clinic.id, purpose=Purpose.RESEARCH)
    code = propose(alice, clinic)["code"]
    redeeming(research, code)
    clinic.redeem(code)


def test_a_withdrawn_or_expired_invitation_is_unknown(server: Server, alice: Person, clinic: Clinic) -> None:
    withdrawn, expired = clinic.invite(), clinic.invite()
    assert clinic.client.delete(f"/v1/clinic/invitations/{withdrawn['id']}").status_code == 204
    consenting(alice, withdrawn["code"])
    server.run(server.db.run(EXPIRE_INVITATIONS, expires_at=clock.now()))
    consenting(alice, expired["code"])
    assert asked(alice, expired["code"]) == 404
    assert clinic.client.get("/v1/clinic/invitations").json()["items"] == []
    assert clinic.client.delete(f"/v1/clinic/invitations/{expired['id']}").status_code == 404


def test_the_code_of_an_ended_or_expired_proposal_is_unknown(server: Server, alice: Person, clinic: Clinic) -> None:
    ended = propose(alice, clinic)
    alice.client.patch(f"/v1/consents/{ended['id']}", json={"status": "inactive"})
    redeeming(clinic, ended["code"])
    expired = propose(alice, clinic)
    server.run(server.db.run(EXPIRE_PROPOSALS, ends_at=clock.now()))
    redeeming(clinic, expired["code"])
    assert alice.client.get(f"/v1/consents/{expired['id']}").json()["ended_by"] == "expiry"


def test_codes_of_an_ended_clinic_are_unknown(server: Server, alice: Person, bob: Person, clinic: Clinic) -> None:
    invitation = clinic.invite()["code"]

    async def end() -> bool:
        async with server.db.transaction() as tx:
            return await administration.end_clinic(tx, clinic.id)

    assert server.run(end())
    for code in (invitation, clinic.share_code):
        assert asked(alice, code) == 404
    consenting(alice, invitation)
    consenting(bob, clinic.share_code, "clinic")


def test_a_client_that_has_ended_redeems_nothing(server: Server, alice: Person, clinic: Clinic) -> None:
    code = propose(alice, clinic)["code"]
    end_client(server, {"id": clinic.client_id})
    draft = {"code": code, "identifier": clinic.identifier()}
    refused(clinic.client.post("/v1/clinic/connections", json=draft), 401, "not-signed-in")


def test_codes_are_stored_as_hmacs(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database))
    alice, clinic = server.person("alice"), new_clinic(server)
    stored = [clinic.invite()["code"], propose(alice, clinic)["code"]]
    dump = dump_database(server)
    assert not [code for code in stored if code.encode() in dump or code.replace("-", "").encode() in dump]
    server.end_test()


def test_ten_wrong_codes_in_an_hour_close_the_account_for_codes(servers: Servers, database: str) -> None:
    server = servers.shared(database, throttle_codes=10)
    alice, bob, clinic = server.person("alice"), server.person("bob"), new_clinic(server)
    for number in range(10):
        assert asked(alice, clinic.share_code) == 200  # a right code is not counted
        if number % 2:
            assert asked(alice, "wisteria") == 404
        else:
            consenting(alice, "AAAA-AAAA-AAAA")
    invitation = clinic.invite()["code"]
    responses = [
        alice.client.post("/v1/codes", json={"code": clinic.share_code}),
        alice.client.post("/v1/consents", json=TERMS | {"code": invitation}),
    ]
    for response in responses:
        refused(response, 429, "too-many-attempts")
        assert 3000 < int(response.headers["retry-after"]) <= timedelta(hours=1).total_seconds()
    assert bob.client.post("/v1/consents", json=TERMS | {"code": invitation}).status_code == 201
    server.end_test()


def test_wrong_codes_are_limited_by_network(servers: Servers, database: str) -> None:
    server = servers.shared(database, throttle_client=20)
    clinic, code = new_clinic(server), propose(server.person("alice"), new_clinic(server))["code"]
    for _ in range(20):
        redeeming(clinic, "AAAA-AAAA-AAAA")
    draft = {"code": code, "identifier": clinic.identifier()}
    response = clinic.client.post("/v1/clinic/connections", json=draft)
    refused(response, 429, "too-many-attempts")
    assert 0 < int(response.headers["retry-after"]) <= 60
    server.end_test()
