"""Both ways of connecting: the clinic invites, or the patient proposes."""

import re
from datetime import datetime, timedelta

import pytest

from app import clock
from tests.consents.clinic import SYSTEM, TERMS, Clinic, accesses, give, new_clinic, propose
from tests.refusals import refused
from tests.rows import feed_of
from tests.serving import Person, Server

SHOWN = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}")


def test_a_patient_looks_up_a_share_code_and_proposes_a_consent(alice: Person, clinic: Clinic) -> None:
    looked_up = alice.client.post("/v1/codes", json={"code": clinic.share_code}).json()
    named = {"id": str(clinic.id), "name": "Wisteria House"}
    assert looked_up == {"kind": "clinic", "clinic": named, "asks": None, "expires_at": None}
    proposed = propose(alice, clinic, name="Alice W.")
    assert SHOWN.fullmatch(proposed.pop("code"))
    assert (proposed["status"], proposed["clinic"], proposed["purpose"]) == ("proposed", named, "treatment")
    assert clinic.connections() == []
    assert accesses(alice) == []
    assert alice.client.get(f"/v1/consents/{proposed['id']}").json() == proposed
    assert alice.client.get("/v1/consents").json() == {"items": [proposed], "next_cursor": None}


def test_a_clinic_redeems_the_code_of_a_proposal(server: Server, alice: Person, clinic: Clinic) -> None:
    proposed = propose(alice, clinic, name="Alice W.")
    connection = clinic.redeem(proposed["code"])
    assert connection == {
        "id": connection["id"],
        "identifiers": [clinic.identifier()],
        "status": "active",
        "shares": ["sessions", "elements"],
        "receives": True,
        "purpose": "treatment",
        "name": "Alice W.",
        "until": None,
    }
    assert clinic.connections() == [connection]
    assert alice.client.get(f"/v1/consents/{proposed['id']}").json()["status"] == "active"
    assert feed_of(server, alice)["consents"] == 1
    assert "Your consent for Wisteria House is now active" in server.mailbox.text_to(alice.email)


def test_a_clinic_invites_and_the_patient_consents(server: Server, alice: Person, clinic: Clinic) -> None:
    invitation = clinic.invite("P-2", days=3)
    assert SHOWN.fullmatch(invitation["code"])
    life = datetime.fromisoformat(invitation["expires_at"]) - clock.now()
    assert timedelta(days=3) - timedelta(minutes=1) < life <= timedelta(days=3)
    looked_up = alice.client.post("/v1/codes", json={"code": invitation["code"]}).json()
    assert looked_up["kind"] == "invitation"
    assert looked_up["asks"] == {"shares": ["sessions", "elements"], "receives": True, "purpose": "treatment"}
    assert looked_up["expires_at"] == invitation["expires_at"]
    response = alice.client.post("/v1/consents", json={**TERMS, "shares": ["elements"], "code": invitation["code"]})
    consent = response.json()
    assert (response.status_code, consent["status"], consent["shares"]) == (201, "active", ["elements"])
    assert consent.pop("code") is None
    assert response.headers["location"] == f"/v1/consents/{consent['id']}"
    assert alice.client.get(response.headers["location"]).json() == consent
    (connection,) = clinic.connections()
    assert (connection["identifiers"], connection["shares"]) == ([clinic.identifier("P-2")], ["elements"])
    assert "is now active" in server.mailbox.text_to(alice.email)


def test_the_terms_are_the_patients_and_the_purpose_is_the_clinics(alice: Person, clinic: Clinic) -> None:
    asks = {"shares": ["elements"], "receives": False, "purpose": "research"}
    code = clinic.invite(asks=asks)["code"]
    draft = {"code": code, "shares": ["reflections", "sessions", "sessions"], "receives": True, "name": "Alice"}
    consent = alice.client.post("/v1/consents", json=draft).json()
    assert consent["shares"] == ["sessions", "reflections"]
    assert (consent["receives"], consent["purpose"], consent["name"]) == (True, "research", "Alice")


def test_a_second_invitation_of_the_same_clinic_adds_its_identifier(alice: Person, clinic: Clinic) -> None:
    consent = give(alice, clinic, "P-1", name="Alice")
    for value in ("P-2", "P-2"):
        code = clinic.invite(value)["code"]
        response = alice.client.post("/v1/consents", json={"code": code, "shares": [], "receives": False})
        assert (response.status_code, response.json()) == (200, consent)
        refused(alice.client.post("/v1/consents", json=TERMS | {"code": code}), 422, "unknown-code")
    (connection,) = clinic.connections()
    assert connection["identifiers"] == [clinic.identifier("P-1"), clinic.identifier("P-2")]
    _, change, connect = accesses(alice)  # the newest is the read of the connection
    assert (change["action"], change["collection"], change["ids"]) == ("change", "connections", [connection["id"]])
    assert (change["client_id"], change["request_id"] is None) == (None, False)
    assert connect["action"] == "connect"


def test_a_connection_has_at_most_ten_identifiers(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-0")
    for number in range(1, 10):
        alice.client.post("/v1/consents", json=TERMS | {"code": clinic.invite(f"P-{number}")["code"]})
    code = clinic.invite("P-10")["code"]
    refused(alice.client.post("/v1/consents", json=TERMS | {"code": code}), 409, "too-many-identifiers")
    (connection,) = clinic.connections()
    assert len(connection["identifiers"]) == 10
    kept = connection["identifiers"][1:]
    clinic.client.patch(f"/v1/clinic/connections/{connection['id']}", json={"identifiers": kept})
    assert alice.client.post("/v1/consents", json=TERMS | {"code": code}).status_code == 200


def test_a_second_consent_for_a_clinic_is_409(alice: Person, clinic: Clinic) -> None:
    by_share_code = TERMS | {"clinic": clinic.share_code}
    proposed = propose(alice, clinic)
    refused(alice.client.post("/v1/consents", json=by_share_code), 409, "already-connected")
    code = clinic.invite()["code"]
    refused(alice.client.post("/v1/consents", json=TERMS | {"code": code}), 409, "already-connected")
    clinic.redeem(proposed["code"])
    refused(alice.client.post("/v1/consents", json=by_share_code), 409, "already-connected")
    assert alice.client.post("/v1/consents", json=TERMS | {"code": code}).status_code == 200


def test_an_account_has_at_most_20_live_consents(server: Server, alice: Person) -> None:
    clinics = [new_clinic(server, f"House {number}") for number in range(21)]
    first, *_ = [propose(alice, clinic) for clinic in clinics[:20]]
    draft = TERMS | {"clinic": clinics[20].share_code}
    refused(alice.client.post("/v1/consents", json=draft), 409, "too-many-consents")
    refused(
        alice.client.post("/v1/consents", json=TERMS | {"code": clinics[20].invite()["code"]}),
        409,
        "too-many-consents",
    )
    assert feed_of(server, alice)["consents"] == 20
    alice.client.patch(f"/v1/consents/{first['id']}", json={"status": "inactive"})
    assert alice.client.post("/v1/consents", json=draft).status_code == 201


def test_the_patients_id_is_of_one_clinic_and_the_same_after_a_new_consent(
    alice: Person, clinic: Clinic, other_clinic: Clinic
) -> None:
    consent = give(alice, clinic)
    give(alice, other_clinic)
    (here,), (there,) = clinic.connections(), other_clinic.connections()
    assert len({here["id"], there["id"], str(alice.id)}) == 3
    alice.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"})
    assert clinic.connections() == []
    give(alice, clinic, "P-9")
    (again,) = clinic.connections()
    assert (again["id"], again["identifiers"]) == (here["id"], [clinic.identifier("P-9")])


def test_a_chart_belongs_to_one_patient(alice: Person, bob: Person, clinic: Clinic, other_clinic: Clinic) -> None:
    hers = give(alice, clinic, "P-1")
    give(bob, other_clinic, "P-1")
    code = clinic.invite("P-1")["code"]
    refused(bob.client.post("/v1/consents", json=TERMS | {"code": code}), 422, "unknown-code")
    proposed = propose(bob, clinic)
    draft = {"code": proposed["code"], "identifier": clinic.identifier("P-1")}
    refused(clinic.client.post("/v1/clinic/connections", json=draft), 409, "identifier-in-use")
    alice.client.patch(f"/v1/consents/{hers['id']}", json={"status": "inactive"})
    assert clinic.redeem(proposed["code"], "P-1")["identifiers"] == [clinic.identifier("P-1")]


def test_a_chart_is_found_by_system_and_value(alice: Person, bob: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    give(bob, clinic, "P-2")
    (found,) = clinic.connections(identifier=f"{SYSTEM}|P-2")
    assert found["identifiers"] == [clinic.identifier("P-2")]
    assert clinic.connections(identifier=f"{SYSTEM}|P-3") == []


@pytest.mark.parametrize("codes", [{}, {"code": "M4WK-81TZ-PQ6N", "clinic": "7XPM-2Q9R-KD4T"}], ids=["none", "both"])
def test_a_consent_needs_one_code(alice: Person, codes: dict[str, str]) -> None:
    errors = refused(alice.client.post("/v1/consents", json=TERMS | codes), 422, "validation")["errors"]
    assert [each["code"] for each in errors] == ["one-of"]


def test_until_is_in_the_future(alice: Person, clinic: Clinic) -> None:
    draft = TERMS | {"clinic": clinic.share_code, "until": "2026-01-01T00:00:00Z"}
    errors = refused(alice.client.post("/v1/consents", json=draft), 422, "validation")["errors"]
    assert [(each["pointer"], each["code"]) for each in errors] == [("/until", "past")]
