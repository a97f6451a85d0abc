"""The numbers in an account's feed are those of its rows, after any work, from every entry point."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from app import clock
from app.db import schema
from app.ids import new_id
from app.records import purging
from app.resources import RESOURCES
from tests.archive.packing import archive_of, send
from tests.conftest import Servers
from tests.consents.clinic import Clinic, give, new_clinic
from tests.drafts import create_record, etag, resource_of
from tests.exchange.replica import entry
from tests.exchange.replica import push as push_sessions
from tests.hostile.chance import seed
from tests.parallel import at_once
from tests.serving import Person, Server
from tests.sync.sync_client import PUSH, SyncClient, delete, upsert
from tests.usage import counted, recounted

__all__ = ["seed"]
STEPS = 60
MEMORY = {"kind": "memory"}


class RandomWork:
    """Random requests about the records of one person."""

    def __init__(self, server: Server, person: Person, clinic: Clinic, rng: Random) -> None:
        self.server, self.person, self.clinic, self.rng = server, person, clinic, rng
        self.sync = SyncClient(person)
        self.known: list[tuple[str, str]] = []
        """The collections and ids of records that exist, or were removed."""
        self.actions: list[Callable[[], None]] = [
            self.create,
            self.change,
            self.remove,
            self.push,
            self.push,
            self.import_archive,
            self.push_for_clinic,
            self.forget,
        ]

    def step(self) -> None:
        """Send one request, at random."""
        self.rng.choice(self.actions)()

    def text(self) -> str:
        return "wisteria " + "w" * self.rng.choice([0, 1, 200, 1900])

    def create(self) -> None:
        resource = self.rng.choice(RESOURCES)
        words = {} if resource.text is None else {resource.text: self.text()}
        record = create_record(self.person.client, resource, self.person, **words)
        self.known.append((resource.collection, record["id"]))

    def change(self) -> None:
        for collection, id in self.some():
            resource = resource_of(collection)
            headers = {"If-Match": "*"}
            self.person.client.patch(f"{resource.path}/{id}", json={resource.text: self.text()}, headers=headers)

    def remove(self) -> None:
        for collection, id in self.some():
            self.person.client.delete(f"{resource_of(collection).path}/{id}", headers={"If-Match": "*"})

    def push(self) -> None:
        """Push creations, edits without a base, removals, repeated operations, and one that is invalid."""
        session, never = str(new_id()), {"id": str(new_id())}
        ops: list[dict[str, Any]] = [
            upsert("sessions", session, set={"title": self.text()}, op_id=str(new_id())),
            upsert("elements", set=MEMORY | {"session_id": session, "title": self.text()}),
            upsert("intentions", set={"kind": "integration", "statement": self.text(), "session_id": session}),
            delete(never, "sessions", op_id=str(new_id())),
        ]
        for collection, id in self.some():
            text = resource_of(collection).text
            ops += self.rng.choice(
                [
                    [
                        upsert(
                            collection,
                            id,
                            set={text: self.text()},
                            undelete=True,
                            on_conflict="mine",
                            op_id=str(new_id()),
                        )
                    ],
                    [delete({"id": id}, collection, op_id=str(new_id()))],
                ]
            )
        if self.rng.random() < 0.3:
            ops.append(upsert("sessions", set={"title": 7}))
        body = {"ops": ops, "atomic": self.rng.random() < 0.4}
        for _ in range(self.rng.choice([1, 2])):
            self.person.client.post(PUSH, json=body)
        self.known += [(op["collection"], op["id"]) for op in ops if op["op"] == "upsert"]

    def import_archive(self) -> None:
        ids = [str(new_id()), *(id for collection, id in self.some() if collection == "sessions")]
        moment = "2026-11-22T18:40:12.504118Z"
        records = [
            {"id": id, "version": 1, "created_at": moment, "updated_at": moment, "title": self.text()} for id in ids
        ]
        assert send(self.person, archive_of({"sessions": records})).status_code == 200
        self.known += [("sessions", id) for id in ids]

    def push_for_clinic(self) -> None:
        value = f"S-{self.rng.randrange(5)}"
        push_sessions(
            self.clinic, entry(self.clinic.identifier("P-1"), value, status=self.rng.choice(["planned", "completed"]))
        )

    def forget(self) -> None:
        async def work() -> None:
            async for _ in purging.purge_operations(
                self.server.db, clock.now() - timedelta(milliseconds=self.rng.choice([0, 500]))
            ):
                pass

        self.server.run(work())

    def some(self) -> list[tuple[str, str]]:
        """Return some known records."""
        return self.rng.sample(sorted(set(self.known)), min(len(set(self.known)), self.rng.randrange(1, 4)))


@pytest.mark.timeout(120)
def test_the_numbers_are_those_of_the_rows_after_random_work(server: Server, alice: Person, seed: int) -> None:
    clinic = new_clinic(server)
    give(alice, clinic, "P-1")
    work = RandomWork(server, alice, clinic, Random(seed))  # noqa: S311 - it has to be repeatable
    for _ in range(STEPS):
        work.step()
        assert counted(server, alice) == recounted(server, alice)
    assert min(counted(server, alice)["records"], len(work.known)) > 0


def test_the_numbers_are_right_after_parallel_writes(server: Server, alice: Person) -> None:
    def write(number: int) -> None:
        sync = SyncClient(server.on_another_device(alice))
        for step in range(4):
            record = sync.push_applied(upsert(op_id=str(new_id())))
            other = create_record(sync.client, resource_of("sessions"), alice, title="wisteria" * (1 + number + step))
            sync.client.patch(f"/v1/sessions/{other['id']}", json={"title": "wisteria"}, headers=etag(other))
            sync.push_one(delete(record, op_id=str(new_id())))

    at_once(write, 4)
    assert counted(server, alice) == recounted(server, alice) | {"records": 16, "remembered_ops": 32}


def test_forgetting_operations_while_they_are_pushed_keeps_the_numbers_right(server: Server, alice: Person) -> None:
    async def forget() -> None:
        while not stopped.is_set():
            async for _ in purging.purge_operations(server.db, clock.now()):
                pass
            await asyncio.sleep(0)

    async def event() -> asyncio.Event:
        return asyncio.Event()

    async def set_event() -> None:
        stopped.set()

    stopped = server.run(event())
    running = server.begin(forget())
    at_once(lambda _: [SyncClient(alice).push_applied(upsert(op_id=str(new_id()))) for _ in range(10)], 3)
    server.run(set_event())
    running.result(30)
    assert counted(server, alice) == recounted(server, alice)
    assert counted(server, alice)["records"] == 30


def test_the_migration_counts_what_is_stored(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database))
    alice, bob = server.person("alice"), server.person("bob")
    for resource in RESOURCES:
        create_record(alice.client, resource, alice)
    gone = SyncClient(alice).push_applied(upsert(op_id=str(new_id())))
    SyncClient(alice).push_one(delete(gone, op_id=str(new_id())))
    before = counted(server, alice)
    assert before == recounted(server, alice)
    (script,) = (schema.MIGRATIONS / "versions").glob("*_usage.py")
    number = int(script.name[:4])
    former = max(path.name[:4] for path in script.parent.glob("[0-9]*.py") if int(path.name[:4]) < number)
    for revision in (former, "head"):
        schema.migrate(server.settings.database_url, revision)
    assert counted(server, alice) == before
    assert counted(server, bob) == {"records": 0, "document_bytes": 0, "remembered_ops": 0}
