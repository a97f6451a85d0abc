"""A session that is pushed as FHIR and one that is pushed natively are the same record: over random sessions."""

import random
from typing import Any, Final

from app.resources.sessions.terms import (
    DoseUnit,
    Medicine,
    MedicineRoute,
    SessionKind,
    SessionStatus,
    Setting,
    Supervision,
)
from tests.consents.clinic import Clinic
from tests.drafts import Json
from tests.exchange.replica import entry, push
from tests.fhir.facade import Facade, bundle, connect
from tests.fhir.facade import entry as bundle_entry
from tests.hostile.chance import EFFORT
from tests.serving import Person

SESSIONS: Final = 60
ZONES: Final = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC")


def random_session(chance: random.Random) -> Json:
    """Return the clinical fields of a valid session. A medicine that has not been given has no place in FHIR."""
    kind, status = chance.choice([*SessionKind]), chance.choice([*SessionStatus])
    started = status == SessionStatus.COMPLETED or chance.random() < 0.6
    session: Json = {"kind": kind, "status": status, "timezone": chance.choice(ZONES)}
    if status in {"stopped", "not-done", "entered-in-error"} or chance.random() < 0.2:
        session["status_reason"] = chance.choice(["wisteria", "wist\u00e9ria \U0001f33f", "a\nb"])
    if chance.random() < 0.5:
        session["scheduled_at"] = (
            f"2026-11-{chance.randint(1, 30):02}T08:{chance.randint(0, 59):02}:00.{chance.randint(0, 999999):06}Z"
        )
    if started:
        session["started_at"] = f"2026-11-20T0{chance.randint(0, 9)}:30:00.{chance.randint(0, 999999):06}Z"
        if chance.random() < 0.7:
            session["ended_at"] = "2026-11-20T11:10:00Z"
    for name, values in (("setting", Setting), ("supervision", Supervision)):
        if chance.random() < 0.6:
            session[name] = chance.choice([*values])
    return session | (random_medicine(chance) if started and kind == SessionKind.DOSING else {})


def random_medicine(chance: random.Random) -> Json:
    """Return what was given, or a part of it."""
    session: Json = {}
    for name, choices in (("medicine", Medicine), ("route", MedicineRoute)):
        if chance.random() < 0.7:
            session[name] = chance.choice([*choices])
    if chance.random() < 0.7:
        session["dose_value"] = chance.choice([0.001, 62.5, 99_999.999, 1, 0.1, 33.333])
        session["dose_unit"] = chance.choice([*DoseUnit])
    return session


def test_native_to_fhir_to_native_loses_nothing(alice: Person, bob: Person, clinic: Clinic, seed: int) -> None:
    native, fhir = connect(alice, clinic), connect(bob, clinic)
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    for number in range(SESSIONS * EFFORT):
        value, session = f"S-{number}", random_session(chance)
        (result,) = push(
            clinic, {"patient": native.patient, "identifier": entry("", value)["identifier"], "session": session}
        )
        assert result["status"] == 201, (session, result)
        resources = seen(native, result["id"], fhir)
        chance.shuffle(resources)
        written = [write(fhir, each, chance) for each in resources]
        assert len({each["id"] for each in written}) == 1
        assert fhir.session(written[0]["id"]) == native.session(result["id"]), session
        again = [write(native, for_patient(each, native), chance) for each in resources]
        assert {each["id"] for each in again} == {result["id"]}
        assert {each["meta"]["versionId"] for each in again} == {str(result["version"])}, "it is unchanged"


def seen(facade: Facade, id: str, other: Facade) -> list[Json]:
    """Return the resources of a session, as a clinic would send them for another patient."""
    found = [facade.get(f"Procedure/{id}"), *facade.found("MedicationAdministration", _id=id)]
    return [
        for_patient({name: value for name, value in each.items() if name not in {"id", "meta", "partOf"}}, other)
        for each in found
    ]


def for_patient(resource: Json, facade: Facade) -> Json:
    return resource | {"subject": {"reference": f"Patient/{facade.patient}"}}


def write(facade: Facade, resource: Json, chance: random.Random) -> Json:
    """Write a resource in one of the ways."""
    client, kind = facade.clinic.client, resource["resourceType"]
    identifier = resource["identifier"][0]
    query = f"identifier={identifier['system']}|{identifier['value']}"
    way = chance.randrange(4)
    if way == 0:
        response = client.post(f"/fhir/{kind}", json=resource)
    elif way == 1:
        response = client.put(f"/fhir/{kind}?{query}", json=resource)
    else:
        body = bundle(("batch", "transaction")[way - 2], bundle_entry(resource, chance.choice(["PUT", "POST"])))
        response = client.post("/fhir", json=body)
    assert response.status_code in {200, 201}, response.text
    answered: Any = response.json()
    found: Json = answered if way < 2 else answered["entry"][0]["resource"]
    return found
