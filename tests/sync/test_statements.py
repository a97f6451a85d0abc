"""Numbers of SQL statements: constant for a push of any size, one for a pull."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from app.consents import statements as consents
from app.db import Statement
from app.db.postgres.transaction import PostgresTransaction
from app.db.sqlite.connection import SqliteTransaction
from app.db.sqlite.database import SqliteDatabase
from app.jobs import jobs
from app.resources import RESOURCES
from app.sealing import data_keys
from app.webhooks import delivering
from tests.serving import Person
from tests.sync.event_stream import open_event_stream
from tests.sync.sync_client import INTENTION, Json, SyncClient, delete, edit, upsert

OTHERS = [
    each for module in (jobs, data_keys, delivering) for each in vars(module).values() if isinstance(each, Statement)
]
OTHERS.append(consents.EXPIRED_OWNERS)
"""Every server of this process looks for jobs, due webhooks and consents that have ended; it reads data keys again."""
KINDS = len(RESOURCES)
MAX_OF_A_PUSH = 40
"""Lock, read, write and remember: a number for each kind of record, not for each operation."""

MAX_OF_A_WRITE = 3
"""Read, and write if the feed has not changed: one statement on PostgreSQL, two on SQLite."""

MAX_OF_A_REMOVAL = 5
"""Lock the feed, read the record, read its referrers, read those of the records removed with it, and write."""


class StatementCounter:
    """Counts statements."""

    def __init__(self) -> None:
        self.statements = 0


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[StatementCounter]:
    """Count the statements that run until the block ends."""
    counted = StatementCounter()

    def count(kind: type[Any], name: str) -> None:
        real = getattr(kind, name)

        async def execute(self: object, *parts: Any, **values: Any) -> Any:
            counted.statements += all(parts[0] is not each for each in OTHERS)
            return await real(self, *parts, **values)

        patch.setattr(kind, name, execute)

    with monkeypatch.context() as patch:
        for name in ("tuples", "many", "write"):
            count(SqliteTransaction, name)
        for name in ("tuples", "many", "write", "write_if_unchanged"):
            count(PostgresTransaction, name)
        count(SqliteDatabase, "tuples")  # PostgreSQL's go through its transaction's verbs
        yield counted


def batch(size: int) -> list[Json]:
    """Return operations on every kind of record. Each refers to records of the same batch."""
    ops: list[Json] = []
    for _ in range(size // KINDS):
        ids: dict[str, str] = {}
        for kind in sorted(RESOURCES, key=lambda each: each.depth):
            fields = {name: value for name, value in kind.example.items() if name not in {"id", *kind.references}}
            refers = {name: ids[target.collection] for name, target in kind.targets.items() if target is not kind}
            ops.append(upsert(kind.collection, set=fields | refers))
            ids[kind.collection] = ops[-1]["id"]
    return [op | {"op_id": op["id"]} for op in ops]


def count_push(monkeypatch: pytest.MonkeyPatch, sync: SyncClient, ops: list[Json]) -> tuple[int, list[Json]]:
    with counting(monkeypatch) as counted:
        results = sync.push(*ops)
    assert {each["outcome"] for each in results} == {"applied"}
    return counted.statements, results


def test_a_push_of_500_operations_needs_as_many_statements_as_one_of_5(
    sync: SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.push(upsert())  # reads the data key, which is cached
    few, _ = count_push(monkeypatch, sync, batch(KINDS))
    many, results = count_push(monkeypatch, sync, batch(500))
    assert few == many < MAX_OF_A_PUSH
    edits = [edit(each["record"], each["collection"], set={"visibility": "shared"}) for each in results]
    few, changed = count_push(monkeypatch, sync, edits[:KINDS])
    many, rest = count_push(monkeypatch, sync, edits[KINDS:])
    assert few == many < MAX_OF_A_PUSH
    removals = [delete(each["record"], each["collection"], base=each["version"]) for each in (*changed, *rest)]
    few, _ = count_push(monkeypatch, sync, removals[:KINDS])
    many, _ = count_push(monkeypatch, sync, removals[KINDS:])
    assert few == many < MAX_OF_A_PUSH


def test_long_chains_of_derivations_need_no_further_statements(
    sync: SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [each["record"] for each in sync.push(*(upsert() for _ in range(100)))]
    line = [edit(record, set={"derived_from_id": above["id"]}) for above, record in pairwise(records)]
    few, _ = count_push(monkeypatch, sync, line[:2])
    many, _ = count_push(monkeypatch, sync, line[2:])
    assert few == many


def test_a_pull_is_one_statement(sync: SyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.push(*batch(500))
    for query in ({}, {"collections": "sessions,elements"}):
        with counting(monkeypatch) as counted:
            page = sync.pull_page(limit=1000, **query)
        assert (counted.statements, page["has_more"]) == (1, False)


def test_a_single_write_is_at_most_three_statements(sync: SyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.push(upsert())  # reads the data key, which is cached
    with counting(monkeypatch) as counted:
        response = sync.client.post("/v1/intentions", json=INTENTION)
    assert (response.status_code, counted.statements <= MAX_OF_A_WRITE) == (201, True)
    url = f"/v1/intentions/{response.json()['id']}"
    with counting(monkeypatch) as counted:
        response = sync.client.patch(url, json={"why": "wisteria"}, headers={"If-Match": "*"})
    assert (response.status_code, counted.statements <= MAX_OF_A_WRITE) == (200, True)


@pytest.mark.parametrize("collection", [kind.collection for kind in RESOURCES])
def test_a_removal_is_a_bounded_number_of_statements_however_many_kinds_there_are(
    sync: SyncClient, monkeypatch: pytest.MonkeyPatch, collection: str
) -> None:
    ops = batch(KINDS)
    results = sync.push(*ops)
    target = next(each["record"] for each in results if each["collection"] == collection)
    with counting(monkeypatch) as counted:
        response = sync.client.delete(f"/v1/{collection}/{target['id']}", headers={"If-Match": "*"})
    assert (response.status_code, counted.statements <= MAX_OF_A_REMOVAL) == (204, True)


def test_an_idle_event_stream_executes_no_statements(monkeypatch: pytest.MonkeyPatch, alice: Person) -> None:
    with open_event_stream(alice.client) as stream:
        assert stream.next_event() is not None
        with counting(monkeypatch) as counted:
            time.sleep(2)
    assert counted.statements <= 2  # one read of the device and the feed, for changes before the subscription
