"""Statements: a push asks the database a bounded number of times, however many operations it has, and a pull once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from app.db import Statement
from app.db.postgres.transaction import PostgresTransaction
from app.db.sqlite.connection import SqliteTransaction
from app.db.sqlite.database import SqliteDatabase
from app.jobs import jobs
from app.resources import RESOURCES
from tests.serving import Person
from tests.sync.following import following
from tests.sync.phone import INTENTION, SESSION, Json, Phone, delete, edit, upsert

OF_JOBS = [each for each in vars(jobs).values() if isinstance(each, Statement)]
KINDS = 5
MOST_OF_A_PUSH = 40
"""Bounded by the number of kinds of record: locking, remembering, reading, writing and noting, once for each kind."""

MOST_OF_A_WRITE = 3
"""Reading, and writing if nobody wrote meanwhile: one statement of PostgreSQL, two of SQLite."""


MAX_OF_A_REMOVAL = 5
"""Lock the feed, read the record, read its referrers, read those of the records removed with it, and write."""


class Counted:
    """Counts what is asked of a database."""

    def __init__(self) -> None:
        self.statements = 0


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """Count the statements that run until the block ends."""
    counted = Counted()

    def count(kind: type[Any], name: str) -> None:
        real = getattr(kind, name)

        async def execute(self: object, *parts: Any, **values: Any) -> Any:
            counted.statements += all(
                parts[0] is not each for each in OF_JOBS
            )  # every server of this process looks for jobs
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
    """Return operations on every kind of record."""
    ops: list[Json] = []
    for _ in range(size // KINDS):
        session, intention = upsert("sessions", set=SESSION), upsert()
        refers = {"session_id": session["id"]}
        ops += [
            session,
            intention,
            upsert("elements", set={"kind": "memory", "title": "wisteria"} | refers),
            upsert("reflections", set={"body": "wisteria", "intention_id": intention["id"]} | refers),
            upsert("action-items", set={"title": "wisteria", "change": "internal", "facet": "thought"} | refers),
        ]
    return [op | {"op_id": op["id"]} for op in ops]


def asked_for(monkeypatch: pytest.MonkeyPatch, phone: Phone, ops: list[Json]) -> tuple[int, list[Json]]:
    with counting(monkeypatch) as counted:
        results = phone.push(*ops)
    assert {each["outcome"] for each in results} == {"applied"}
    return counted.statements, results


def test_a_push_of_500_asks_no_more_often_than_one_of_5(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    few, _ = asked_for(monkeypatch, phone, batch(5))
    many, results = asked_for(monkeypatch, phone, batch(500))
    assert few == many < MOST_OF_A_PUSH
    edits = [edit(each["record"], each["collection"], set={"visibility": "shared"}) for each in results]
    few, changed = asked_for(monkeypatch, phone, edits[:5])
    many, rest = asked_for(monkeypatch, phone, edits[5:])
    assert few == many < MOST_OF_A_PUSH
    removals = [delete(each["record"], each["collection"], base=each["version"]) for each in (*changed, *rest)]
    few, _ = asked_for(monkeypatch, phone, removals[:5])
    many, _ = asked_for(monkeypatch, phone, removals[5:])
    assert few == many < MOST_OF_A_PUSH


def test_lines_of_descent_are_followed_at_once(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [each["record"] for each in phone.push(*(upsert() for _ in range(100)))]
    line = [edit(record, set={"derived_from_id": above["id"]}) for above, record in pairwise(records)]
    few, _ = asked_for(monkeypatch, phone, line[:2])
    many, _ = asked_for(monkeypatch, phone, line[2:])
    assert few == many


def test_a_pull_is_one_statement(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    phone.push(*batch(500))
    for query in ({}, {"collections": "sessions,elements"}):
        with counting(monkeypatch) as counted:
            page = phone.page(limit=1000, **query)
        assert (counted.statements, page["has_more"]) == (1, False)


def test_one_write_is_few_statements(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    with counting(monkeypatch) as counted:
        response = phone.client.post("/v1/intentions", json=INTENTION)
    assert (response.status_code, counted.statements <= MOST_OF_A_WRITE) == (201, True)
    address = f"/v1/intentions/{response.json()['id']}"
    with counting(monkeypatch) as counted:
        response = phone.client.patch(address, json={"why": "wisteria"}, headers={"If-Match": "*"})
    assert (response.status_code, counted.statements <= MOST_OF_A_WRITE) == (200, True)


@pytest.mark.parametrize("collection", [kind.collection for kind in RESOURCES])
def test_a_removal_is_a_bounded_number_of_statements_however_many_kinds_there_are(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, collection: str
) -> None:
    ops = batch(KINDS)
    results = phone.push(*ops)
    target = next(each["record"] for each in results if each["collection"] == collection)
    with counting(monkeypatch) as counted:
        response = phone.client.delete(f"/v1/{collection}/{target['id']}", headers={"If-Match": "*"})
    assert (response.status_code, counted.statements <= MAX_OF_A_REMOVAL) == (204, True)


def test_whoever_waits_asks_nothing_while_nothing_happens(monkeypatch: pytest.MonkeyPatch, alice: Person) -> None:
    with following(alice.client) as stream:
        assert stream.next() is not None
        with counting(monkeypatch) as counted:
            time.sleep(2)
    assert counted.statements <= 2  # one look, at the device and the feed, for what came before the first wake-up could
