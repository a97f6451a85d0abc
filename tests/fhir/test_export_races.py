"""Exports while others write: every change is in at least one of two consecutive exports."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Final

import pytest

from app.fhir.exports import starting
from tests.consents.clinic import new_clinic
from tests.drafts import Json
from tests.exchange.replica import entry, push
from tests.exchange.test_races import LateCommit, element
from tests.fhir.exporting import Copy, export
from tests.fhir.facade import Facade, connect
from tests.parallel import at_once
from tests.serving import Server

WRITERS: Final = 8
WRITES: Final = 12
MARGIN: Final = timedelta(seconds=1.5)
"""Shorter than in production, so that the exports of the test do not all have everything."""


def write(server: Server, facades: dict[str, Facade], number: int) -> None:
    """Write what clinics see, as several people and as the clinic."""
    chance = random.Random(number)  # noqa: S311 - not a secret
    clients = {token: server.client(token) for token in facades}
    sessions = {token: client.post("/v1/sessions", json={}).json()["id"] for token, client in clients.items()}
    own: list[tuple[str, Json]] = []
    for turn in range(WRITES):
        token = chance.choice([*facades])
        way = chance.random()
        if turn % 4 == 3:
            facade = facades[token]
            push(facade.clinic, entry(facade.patient, f"S-{number}", revision=turn))
        elif own and way < 0.6:
            owner, record = chance.choice(own)
            path = f"/v1/elements/{record['id']}"
            if way < 0.15:
                own.remove((owner, record))
                assert clients[owner].delete(path, headers={"If-Match": "*"}).status_code == 204
            else:
                shown = chance.choice(["shared", "private"])
                changes = {"title": f"wisteria {turn}", "visibility": shown}
                assert clients[owner].patch(path, json=changes, headers={"If-Match": "*"}).status_code == 200
        else:
            own.append((token, element(clients[token], sessions[token])))


@pytest.mark.timeout(180)
def test_a_copy_that_exports_what_has_changed_has_everything(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "MARGIN", MARGIN)
    clinic = new_clinic(server)
    people = [server.person(f"person{number}") for number in range(4)]
    facades = {person.token: connect(person, clinic) for person in people}
    copy, stopped = Copy(clinic), Event()
    sizes: list[int] = []

    def keep_up() -> None:
        while not stopped.is_set():
            sizes.append(len(copy.update().resources))

    with ThreadPoolExecutor(1) as threads:
        kept = threads.submit(keep_up)
        at_once(lambda number: write(server, facades, number), WRITERS)
        stopped.set()
        kept.result()
    copy.update()
    assert copy.resources == export(clinic).resources
    assert len(copy.resources) > WRITERS
    assert len(sizes) > 1


def late_commit_is_exported(server: Server) -> bool:
    """Return whether the second of two exports has a change that was committed after the first one."""
    clinic, alice = new_clinic(server), server.person("alice")
    connect(alice, clinic)
    session_id = alice.client.post("/v1/sessions", json={}).json()["id"]
    record = element(alice.client, session_id)
    copy = Copy(clinic)
    late = LateCommit(server, alice, record)
    copy.update()
    late.finish()
    copy.update()
    return bool(copy.resources["Observation", record["id"]]["valueString"] == "wisteria, committed late")


def test_a_change_that_commits_late_is_in_the_next_export(pair: tuple[Server, Server]) -> None:
    assert late_commit_is_exported(pair[0])


def test_a_transaction_time_of_the_start_would_lose_it(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: the next export starts from the time of the first one."""
    monkeypatch.setattr(starting, "MARGIN", timedelta(0))
    assert not late_commit_is_exported(pair[0])
