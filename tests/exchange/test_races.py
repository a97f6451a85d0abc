"""Two servers on one PostgreSQL: the end of a consent holds at once and everywhere, and no change is skipped or repeated."""

import asyncio
import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any, Final

import httpx2 as httpx
import pytest
import sqlalchemy as sa

from app.clinics.consent_tables import SharedItem
from app.consents import writing
from app.db import Row, Statement, bind
from app.exchange import numbering
from app.identity import Caller
from app.ids import make_id
from app.records import coverage
from app.records.view import own_records
from app.records.write import sharing
from app.records.write.engine import WriteEngine
from app.records.write.feed_lock import lock_feed
from app.records.write.ops import Op
from app.resources.elements import ELEMENTS
from tests.conftest import Servers
from tests.consents.clinic import Clinic, accesses, give, new_clinic
from tests.drafts import Json
from tests.exchange.replica import Replica, entry, pulled_anew, push
from tests.house.starting import free_port, is_alive
from tests.parallel import at_once
from tests.serving import Person, Server
from tests.waiting import wait_until
from tests.witness import Client

ROUNDS: Final = 6
PATIENTS: Final = 50
WRITERS: Final = 8
READERS: Final = 3
WRITES: Final = 25
_item = SharedItem.table()
HIGHEST: Final = Statement(
    sa.select(sa.func.max(_item.c.number).label("head")).where(_item.c.clinic_id == bind(_item.c.clinic_id))
)


@pytest.fixture
def pair(servers: Servers) -> Iterator[tuple[Server, Server]]:
    """Two servers on one database."""
    first = servers.start(servers.settings("postgresql"))
    second = servers.start(servers.settings("postgresql", database_url=str(first.settings.database_url)))
    yield first, second
    for server in (first, second):
        server.end_test()


def elsewhere(server: Server, clinic: Clinic) -> Clinic:
    """Return the clinic as a caller of another server."""
    return Clinic(clinic.id, clinic.client_id, clinic.share_code, clinic.token, server.client(clinic.token))


def element(client: Client, session_id: str) -> Json:
    draft = {"session_id": session_id, "title": "wisteria", "kind": "memory", "visibility": "shared"}
    found: Json = client.post("/v1/elements", json=draft).json()
    return found


def end(person: Person, consent: Json) -> float:
    """End a consent; return when that was acknowledged."""
    response = person.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"})
    assert response.status_code == 200
    return time.monotonic()


def managed(person: Person) -> set[str]:
    """Return the ids of a person's newest sessions that a clinic manages."""
    sessions = person.client.get("/v1/sessions", params={"limit": 200}).json()["items"]
    return {each["id"] for each in sessions if each["clinic_id"]}


def sees_all(clinic: Clinic, _: str, __: int) -> list[Json]:
    changes: list[Json] = clinic.client.get("/v1/clinic/changes").json()["changes"]
    return changes


def sees_since(clinic: Clinic, cursor: str, _: int) -> list[Json]:
    response = clinic.client.get("/v1/clinic/changes", params={"since": cursor, "limit": 1})
    changes: list[Json] = response.json()["changes"]
    return changes


def sees_connections(clinic: Clinic, _: str, __: int) -> list[Json]:
    return [{"removed": False, **each} for each in clinic.connections()]


def waits(clinic: Clinic, _: str, __: int) -> list[Json]:
    cursor = clinic.client.get("/v1/clinic").json()["cursor"]
    response = clinic.client.get("/v1/clinic/changes", params={"since": cursor, "wait": 1})
    changes: list[Json] = response.json()["changes"]
    return changes


def writes(clinic: Clinic, _: str, number: int) -> list[Json]:
    (result,) = push(clinic, entry(clinic.identifier("P-1"), f"S-{number}"))
    return [{"removed": result["outcome"] == "rejected"}]


@pytest.mark.parametrize("act", [sees_all, sees_since, sees_connections, waits, writes])
def test_no_request_that_starts_after_the_end_of_a_consent_sees_or_writes_anything(
    pair: tuple[Server, Server], act: Callable[[Clinic, str, int], list[Json]]
) -> None:
    here, there = pair
    alice, clinic = here.person("alice"), new_clinic(here)
    session_id = alice.client.post("/v1/sessions", json={}).json()["id"]
    for _ in range(3):
        element(alice.client, session_id)
    numbers = itertools.count()
    for _ in range(ROUNDS):
        consent = give(alice, clinic, "P-1", shares=["elements"])
        cursor = clinic.client.get("/v1/clinic/changes", params={"limit": 1}).json()["cursor"]
        stopped = Event()

        def ask(caller: Clinic, cursor: str = cursor, stopped: Event = stopped) -> list[tuple[float, bool]]:
            seen = []
            while not stopped.is_set():
                began = time.monotonic()
                seen.append((began, any(not each["removed"] for each in act(caller, cursor, next(numbers)))))
            return seen

        callers = [elsewhere(server, clinic) for server in (here, there, there)]
        with ThreadPoolExecutor(len(callers)) as threads:
            asked = [threads.submit(ask, caller) for caller in callers]
            time.sleep(0.15)
            ended_at = end(alice, consent)
            written = managed(alice)
            time.sleep(0.15)
            stopped.set()
        found = [each for future in asked for each in future.result()]
        assert [saw for began, saw in found if began > ended_at].count(True) == 0
        if act is not waits:
            assert any(saw for _, saw in found)
        assert managed(alice) == written
        assert bool(written) == (act is writes)


def test_every_change_is_pulled_once_by_each_reader_and_none_is_skipped(pair: tuple[Server, Server]) -> None:
    here, _ = pair
    clinic = new_clinic(here)
    people = [here.person(f"person{number}") for number in range(PATIENTS)]
    sessions = {}
    for number, person in enumerate(people):
        give(person, clinic, f"P-{number}", shares=["elements", "sessions"])
        sessions[person.id] = person.client.post("/v1/sessions", json={"visibility": "shared"}).json()["id"]
    stopped = Event()

    def write(number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - not a secret
        server = pair[number % 2]
        clients = {person.id: server.client(person.token) for person in people}
        caller = elsewhere(server, clinic)
        own: list[tuple[Person, Json]] = []
        for turn in range(WRITES):
            person = chance.choice(people)
            if turn % 5 == 4:
                push(caller, entry(caller.identifier(f"P-{people.index(person)}"), f"S-{number}", revision=turn))
            elif own and chance.random() < 0.5:
                owner, record = chance.choice(own)
                changes = {"title": f"wisteria {turn}", "visibility": chance.choice(["shared", "shared", "private"])}
                path = f"/v1/elements/{record['id']}"
                response = clients[owner.id].patch(path, json=changes, headers={"If-Match": "*"})
                assert response.status_code == 200
            else:
                own.append((person, element(clients[person.id], sessions[person.id])))

    def read(number: int) -> Replica:
        replica = Replica(elsewhere(pair[number % 2], clinic))
        while not stopped.is_set():
            replica.pull(limit=[1000, 7, 50][number], wait=number % 2)
        replica.pull()
        return replica

    with ThreadPoolExecutor(READERS) as threads:
        reading = [threads.submit(read, number) for number in range(READERS)]
        at_once(write, WRITERS)
        stopped.set()
        replicas = [future.result() for future in reading]
    expected = pulled_anew(clinic)
    assert len(expected) > PATIENTS * 2
    for replica in replicas:
        assert replica.records == expected
        seen = [(each["patient"], each["collection"], each["id"], each["version"]) for each in replica.received]
        assert len({*seen}) == len(seen)
        latest: dict[Any, int] = {}
        for *key, version in seen:
            assert version > latest.get(tuple(key), 0)
            latest[tuple(key)] = version


class LateCommit:
    """A write of a record that is complete but not committed until `finish`."""

    def __init__(self, server: Server, person: Person, record: Json) -> None:
        self._finish, self._written = asyncio.Event(), Event()
        self._server = server
        self._done = server.begin(self._write(person, record))
        assert self._written.wait(10)

    async def _write(self, person: Person, record: Json) -> None:
        caller = Caller(
            self._server.services, person.id, person.id, timezone="UTC", is_authenticated=True, is_internal=True
        )
        view = own_records(caller)
        op = Op(resource=ELEMENTS, id=make_id(record["id"]), fields={"title": "wisteria, committed late"})
        op.base = record["version"]
        async with lock_feed(view) as feed:
            await WriteEngine(view, feed, [op], atomic=False).execute()
            await feed.flush()
            self._written.set()
            await self._finish.wait()

    def finish(self) -> None:
        """Commit."""
        self._server.run(self._set())
        self._done.result(10)

    async def _set(self) -> None:
        self._finish.set()


def check_late_commits(server: Server) -> None:
    """Check that a change that commits after a later one is not skipped."""
    clinic = new_clinic(server)
    alice, bob = (server.person(name) for name in ("alice", "bob"))
    records = {}
    for number, person in enumerate((alice, bob)):
        give(person, clinic, f"P-{number}", shares=["elements"])
        session_id = person.client.post("/v1/sessions", json={}).json()["id"]
        records[person.id] = element(person.client, session_id)
    replica = Replica(clinic)
    replica.pull()
    late = LateCommit(server, alice, records[alice.id])
    path = f"/v1/elements/{records[bob.id]['id']}"
    bob.client.patch(path, json={"title": "wisteria, committed first"}, headers={"If-Match": "*"})
    (first,) = replica.pull()
    assert first["record"]["title"] == "wisteria, committed first"
    late.finish()
    titles = [each["record"]["title"] for each in replica.pull()]
    assert titles == ["wisteria, committed late"]


def test_a_change_that_commits_late_is_not_skipped(pair: tuple[Server, Server]) -> None:
    check_late_commits(pair[0])


def test_numbers_of_the_writes_themselves_would_skip_it(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: each write numbers its own rows from a sequence, and a pull reads up to the highest visible number."""
    numbers, item, state = itertools.count(1000), coverage.item, numbering.state

    def numbered(*args: Any, **more: Any) -> Row:
        return item(*args, **more) | {"number": next(numbers)}

    async def highest(caller: Any) -> Row:
        found = await caller.db.only(HIGHEST, clinic_id=caller.clinic_id)
        return await state(caller) | {"head": max(found["head"] or 0, (await state(caller))["head"])}

    for module in (sharing, writing):
        monkeypatch.setattr(module, "item", numbered)
    monkeypatch.setattr(numbering, "state", highest)
    with pytest.raises(AssertionError, match="late"):
        check_late_commits(pair[0])


def test_a_pull_does_not_wait_for_a_writer_nor_a_writer_for_a_pull(pair: tuple[Server, Server]) -> None:
    here, there = pair
    alice, clinic = here.person("alice"), new_clinic(here)
    give(alice, clinic, "P-1", shares=["elements"])
    session_id = alice.client.post("/v1/sessions", json={}).json()["id"]
    record, other = (element(alice.client, session_id) for _ in range(2))
    late = LateCommit(here, alice, record)
    replica = Replica(elsewhere(there, clinic))
    replica.pull()
    assert replica.ids("elements") == {other["id"]}
    read = [each["ids"] for each in accesses(alice) if each["collection"] == "elements"]
    assert read == [[other["id"]]]
    late.finish()
    assert [(each["id"], each["version"]) for each in replica.pull()] == [(record["id"], 4)]


@pytest.mark.parametrize("attempt", range(4))
def test_a_push_to_a_worker_that_is_killed_can_be_repeated(pair: tuple[Server, Server], attempt: int) -> None:
    here, _ = pair
    clinic = new_clinic(here)
    people = [here.person(f"person{number}") for number in range(5)]
    for number, person in enumerate(people):
        give(person, clinic, f"P-{number}")
    entries = [entry(clinic.identifier(f"P-{each % 5}"), f"S-{each}", revision=1) for each in range(50)]
    environment = {
        f"AFTERGLOW_{name.upper()}": str(getattr(here.settings, name)) for name in ("database_url", "keyring")
    }
    port = free_port()
    command = [sys.executable, "-m", "tests.sync.killable_backend", str(port)]
    process = subprocess.Popen(command, env=os.environ | environment)
    try:
        wait_until(lambda: is_alive(f"http://127.0.0.1:{port}"), 60)
        headers = {"Authorization": f"Bearer {clinic.token}"}
        if attempt == 0:
            headers["X-Kill-Before-Response"] = "1"
        url = f"http://127.0.0.1:{port}/v1/clinic/sessions"
        with ThreadPoolExecutor(1) as threads, httpx.Client() as client:
            sent = threads.submit(client.post, url, json={"sessions": entries}, headers=headers)
            if attempt:
                time.sleep(0.03 * attempt)
                process.kill()
            with suppress(httpx.TransportError):
                assert sent.result(30).status_code == 200
    finally:
        process.kill()
        process.wait()
    results = push(clinic, *entries)
    assert {each["outcome"] for each in results} <= {"applied", "unchanged"}
    if attempt == 0:
        assert {each["outcome"] for each in results} == {"unchanged"}
    for person in people:
        assert len(person.client.get("/v1/sessions").json()["items"]) == 10
    assert {each["outcome"] for each in push(clinic, *entries)} == {"unchanged"}
    replica = Replica(clinic)
    replica.pull()
    assert replica.ids("sessions") == {each["id"] for each in results}
