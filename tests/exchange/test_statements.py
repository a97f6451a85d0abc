"""Numbers of SQL statements: three for each patient of a push, and none more for an owner without consents."""

from collections.abc import Callable

import pytest

from tests.consents.clinic import Clinic, give
from tests.exchange.replica import Replica, entry, push
from tests.exchange.sharing import shared
from tests.exchange.test_visibility import change
from tests.serving import Person, Server
from tests.sync.test_statements import counting

PATIENTS = 5
FOR_THE_REQUEST = 2
"""Read the client, and find the patients."""
FOR_A_PATIENT = 3
"""Lock the feed; read the consents and the sessions; write."""


def counted(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], object]) -> int:
    """Return how many statements an action needs, of three attempts: a job of the server may run during one of them."""
    found = []
    for attempt in range(3):
        with counting(monkeypatch) as counter:
            act(attempt)
        found.append(counter.statements)
    return min(found)


def test_a_push_needs_three_statements_for_each_patient(
    server: Server, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(PATIENTS):
        give(server.person(f"person{number}"), clinic, f"P-{number}")
    patients = [clinic.identifier(f"P-{number}") for number in range(PATIENTS)]
    push(clinic, *(entry(patient) for patient in patients))

    def pushed(attempt: int) -> None:
        sessions = [
            entry(patient, f"S-{number}", setting=["home", "retreat", "other"][attempt])
            for number in range(4)
            for patient in patients
        ]
        assert {each["outcome"] for each in push(clinic, *sessions)} == {"applied"}

    assert counted(monkeypatch, pushed) <= FOR_THE_REQUEST + FOR_A_PATIENT * PATIENTS


def test_a_consent_needs_no_more_statements_for_a_change(
    alice: Person, bob: Person, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(alice, clinic)

    def numbers_of(person: Person) -> int:
        element = shared(person)
        return counted(monkeypatch, lambda n: change(person, "elements", element, title=f"wisteria {n}"))

    with_consent, without = numbers_of(alice), numbers_of(bob)
    assert with_consent <= without + 1  # SQLite reads the consents after the lock


def test_a_pull_without_changes_needs_two_statements(
    alice: Person, clinic: Clinic, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(alice, clinic)
    replica.pull()
    assert counted(monkeypatch, lambda _: replica.pull()) == 2
