"""Consents end while eight clients search: no resource of the patient is in a response to a search that began later."""

import itertools
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import Final
from uuid import UUID

import pytest

from app.sealing import OwnerKeys
from tests.conftest import Servers
from tests.consents.clinic import Clinic, new_clinic
from tests.drafts import Json
from tests.exchange.test_races import elsewhere
from tests.exchange.test_visibility import linked
from tests.fhir.facade import TYPES, connect
from tests.parallel import DEVICES
from tests.serving import Person, Server
from tests.waiting import wait_until

PATIENTS: Final = 4
ENDINGS: Final[dict[str, Json]] = {"ended": {"status": "inactive"}, "narrowed": {"shares": []}}
Seen = list[tuple[float, set[str]]]
"""When each search of a client began, and the patients whose resources were in the response."""


@pytest.fixture
def two(servers: Servers, database: str) -> Iterator[tuple[Server, Server]]:
    """Two servers on one PostgreSQL; on SQLite, one server, named twice."""
    first = servers.start(servers.settings(database))
    if database == "sqlite":
        yield first, first
        first.end_test()
        return
    second = servers.start(servers.settings(database, database_url=str(first.settings.database_url)))
    yield first, second
    for server in (first, second):
        server.end_test()


def patients_in(bundle: Json) -> set[str]:
    """Return the ids of the patients whose resources are in a Bundle."""
    found = [each["resource"] for each in bundle.get("entry", [])]
    references = [each.get("subject") or each.get("for") or each.get("patient") for each in found]
    return {
        each["id"] if reference is None else reference["reference"].removeprefix("Patient/")
        for each, reference in zip(found, references, strict=True)
    }


def search(caller: Clinic, kinds: Iterator[str], seen: Seen, stopped: Event) -> None:
    """Search one type after the other until `stopped`, and note what was seen."""
    while not stopped.is_set():
        began = time.monotonic()
        response = caller.client.get(f"/fhir/{next(kinds)}", params={"_count": 200})
        if response.status_code != 503:  # the worker is overloaded: it said nothing
            assert response.status_code == 200, response.text
            seen.append((began, patients_in(response.json())))


@pytest.mark.parametrize("how", ENDINGS)
def test_no_search_that_begins_after_the_end_of_a_consent_finds_anything_of_the_patient(
    two: tuple[Server, Server], how: str
) -> None:
    clinic = new_clinic(two[0])
    people: dict[str, tuple[Person, str]] = {}
    for number in range(PATIENTS):
        person = two[0].person(f"person{number}")
        patient = connect(person, clinic).patient
        (consent,) = person.client.get("/v1/consents").json()["items"]
        people[patient] = person, consent["id"]
        linked(person)
    kinds = [kind for kind in TYPES if how == "ended" or kind not in {"Patient", "Consent"}]
    with_records = [kind for kind in kinds if kind != "MedicationAdministration"]
    clients: list[Seen] = [[] for _ in range(DEVICES)]
    stopped, ended = Event(), dict[str, float]()

    def wait_for_a_round() -> None:
        enough = [len(seen) + len(kinds) for seen in clients]
        wait_until(lambda: all(len(seen) >= each for seen, each in zip(clients, enough, strict=True)), 60)

    with ThreadPoolExecutor(DEVICES) as threads, ExitStack() as stack:
        stack.callback(stopped.set)
        searches = [
            threads.submit(search, elsewhere(two[number % 2], clinic), itertools.cycle(kinds), seen, stopped)
            for number, seen in enumerate(clients)
        ]
        wait_for_a_round()
        for patient, (person, id) in people.items():
            assert person.client.patch(f"/v1/consents/{id}", json=ENDINGS[how]).status_code == 200
            ended[patient] = time.monotonic()
        wait_for_a_round()
        stopped.set()
        for each in searches:
            each.result()
    first = min(ended.values())
    before = [patients for seen in clients for began, patients in seen if began < first]
    assert sum(patients == {*people} for patients in before) >= len(with_records), "all were seen at first"
    for seen in clients:
        for began, patients in seen:
            assert not {patient for patient in patients if began > ended[patient]}


def test_an_account_that_is_erased_during_a_search_has_no_resources_in_the_response(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = new_clinic(server)
    facade = connect(server.person("person"), clinic)
    erased = server.person("erased")
    other = connect(erased, clinic)
    linked(erased)
    assert facade.get("Procedure")["total"] > 0
    data_keys = server.services.data_keys
    read = data_keys.of_many

    async def read_after_the_erasure(owner_ids: Iterable[UUID]) -> dict[UUID, OwnerKeys]:
        return {id: keys for id, keys in (await read(owner_ids)).items() if id != erased.id}

    monkeypatch.setattr(data_keys, "of_many", read_after_the_erasure)
    assert patients_in(facade.get("Procedure")) == set()
    assert other.patient in patients_in(facade.get("Patient"))
