"""The demo's clinic, in a database whose tester has used it otherwise."""

import pytest

from app.demo.clinic import create_clinic
from tests.conftest import Servers
from tests.serving import Person


def consents(person: Person) -> list[str]:
    items = person.client.get("/v1/consents").json()["items"]
    return [each["status"] for each in items]


@pytest.mark.usefixtures("empty_folder")
def test_the_clinic_keeps_the_patient_that_it_has(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database))
    alice, bob = server.person("alice"), server.person("bob")
    for person in (alice, alice, bob):
        server.run(create_clinic(server.services, person.id))
    assert (consents(alice), consents(bob)) == (["active"], [])
    assert len(alice.client.get("/v1/sessions").json()["items"]) == 2
    server.end_test()
