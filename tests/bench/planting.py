"""Inserts the test data, as our server would have written them.

A feed and a data key for each person, and a change for each record; by COPY on PostgreSQL, by our
own statements on SQLite. The other contestants keep words in columns of their own.
"""

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import sqlalchemy as sa

from app import clock
from app.db import Row, Statement, Table, bind, open_database
from app.identity import Feed
from app.identity.tables import AccountRecord, DeviceRecord
from app.ids import new_id
from app.keyring import Keyring
from app.records.codec import document_of
from app.records.tables import Change
from app.resources.intentions import INTENTIONS
from app.resources.reflections import REFLECTIONS
from app.sealing import DataKeyRecord, OwnerKeys
from app.sealing.aead import KEY_BYTES, Cipher
from app.sealing.data_keys import FIRST_GENERATION, wrap
from app.settings import Settings

EPOCH: Final = 1
_ROWS_AT_ONCE: Final = 5000
PEERS_COLUMNS: Final = ("statement", "why")
"""The columns of words that the peers' intentions have, in clear."""
PEERS_INTENTION: Final = sa.Table(
    "intention",
    sa.MetaData(),
    *(sa.Column(column.name, column.type) for column in INTENTIONS.table.c),
    *(sa.Column(name, sa.String()) for name in PEERS_COLUMNS),
)
_TABLES: Final = (
    AccountRecord.table(),
    DeviceRecord.table(),
    Feed.table(),
    DataKeyRecord.table(),
    PEERS_INTENTION,
    Change.table(),
)
_PLANT: Final = {
    table.name: Statement(sa.insert(table).values({column.name: bind(column) for column in table.c}))
    for table in (*_TABLES, REFLECTIONS.table)
}
Write = Callable[[str, list[Row]], Coroutine[Any, Any, None]]


@dataclass
class Person:
    """A person with intentions; `seqs` has the sequence number of each one's last change, in the order of writing."""

    id: UUID
    device_id: UUID
    seqs: dict[str, int] = field(default_factory=dict)
    data_key: bytes = field(default_factory=partial(os.urandom, KEY_BYTES))
    token: str = ""
    peers_token: str = ""


async def plant(settings: Settings, people: list[Person], sizes: list[int]) -> None:
    """Insert the rows of people with these numbers of records."""
    async with writing(settings) as write:
        keyring = Keyring(settings.keyring)
        keys = {person.id: wrap(keyring, person.id, FIRST_GENERATION, person.data_key) for person in people}
        for table in ("account", "device", "feed"):
            rows = [_person_row(table, person, size) for person, size in zip(people, sizes, strict=True)]
            await write(table, rows)
        await write("data_key", [*keys.values()])
        batch: list[tuple[Row, Row]] = []
        for person, size in zip(people, sizes, strict=True):
            batch += _records(person, size)
            if batch and (len(batch) >= _ROWS_AT_ONCE or person is people[-1]):
                await write("intention", [record for record, _ in batch])
                await write("change", [change for _, change in batch])
                batch = []


async def add_peers_columns(settings: Settings) -> None:
    """Add the columns in which the peers keep words, and defaults for the columns of which they know nothing."""
    db = open_database(settings)
    await db.open()
    blob = "BLOB" if settings.uses_sqlite else "BYTEA"
    default = f"x'{DOCUMENT.hex()}'" if settings.uses_sqlite else f"'\\x{DOCUMENT.hex()}'"
    for change in (
        *(f"ADD COLUMN {name} VARCHAR" for name in PEERS_COLUMNS),
        "DROP COLUMN document",
        f"ADD COLUMN document {blob} NOT NULL DEFAULT {default}",
        "DROP COLUMN weight",
        "ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
    ):
        await db.run(Statement(sa.text(f"ALTER TABLE intention {change}")))  # type: ignore[arg-type]
    await db.close()


def writing(settings: Settings) -> AbstractAsyncContextManager[Write]:
    """Return a context manager with a function that inserts rows into a table, given by its name."""
    return (_embedded if settings.uses_sqlite else _copying)(settings)


@asynccontextmanager
async def _embedded(settings: Settings) -> AsyncIterator[Write]:
    db = open_database(settings)
    await db.open()

    async def write(table: str, rows: list[Row]) -> None:
        async with db.transaction() as tx:
            empty = dict.fromkeys(Table.metadata.tables[table].columns.keys())
            await tx.many(_PLANT[table], [empty | row for row in rows])

    try:
        yield write
    finally:
        await db.close()


@asynccontextmanager
async def _copying(settings: Settings) -> AsyncIterator[Write]:
    connection = await asyncpg.connect(settings.database_url)

    async def write(table: str, rows: list[Row]) -> None:
        texts = [
            tuple(orjson.dumps(each).decode() if isinstance(each, dict | list) else each for each in row.values())
            for row in rows
        ]
        await connection.copy_records_to_table(table, records=texts, columns=list(rows[0]))

    try:
        yield write
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def _person_row(table: str, person: Person, size: int) -> dict[str, Any]:
    now = clock.now()
    email = f"{person.id.hex}@example.com"
    rows: dict[str, dict[str, Any]] = {
        "account": {
            "id": person.id,
            "email": email,
            "email_key": email,
            "password_hash": "",
            "display_name": None,
            "timezone": "UTC",
            "locale": "en",
            "role": "person",
            "created_at": now,
            "updated_at": now,
        },
        "device": {
            "id": person.device_id,
            "account_id": person.id,
            "name": "phone",
            "created_at": now,
            "last_used_at": now,
            "repeated": False,
        },
        "feed": {"owner_id": person.id, "head": 1 + size, "epoch": EPOCH, "floor": 0, "consents": 0} | _usage(size),
    }
    return rows[table]


def _usage(size: int) -> dict[str, int]:
    return {"records": size, "document_bytes": 0, "remembered_ops": 0}


def _records(person: Person, size: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    keys = OwnerKeys(person.id, {FIRST_GENERATION: Cipher(person.data_key)})
    began = clock.now() - timedelta(days=300)
    for number in range(size):
        id, seq, moment = new_id(), 2 + number, began + timedelta(minutes=number)
        person.seqs[str(id)] = seq
        row = dict.fromkeys(str(column.name) for column in PEERS_INTENTION.c) | {
            "owner_id": person.id,
            "id": id,
            "seq": seq,
            "created_at": moment,
            "updated_at": moment,
            "field_seq": {},
            "visibility": "private",
            "kind": "integration",
            "statement": f"When my mother goes quiet, I stay, and I do not try to repair it ({number}).",
            "why": "Repairing is how I left the room without moving.",
            "domain": "relationships",
            "status": "active",
            "weight": 1,
            "target_on": clock.now().date(),
        }
        noted = {
            "collection": "intentions",
            "deleted": False,
            "written_at": moment,
            "actor_id": person.device_id,
            "visibility": "private",
            "happened_at": moment,
        }
        document = document_of(INTENTIONS, dict.fromkeys(INTENTIONS.document_names) | row)
        row["document"] = keys.seal("intentions", id, seq, document)
        yield row, noted | {"owner_id": person.id, "id": id, "seq": seq}


DOCUMENT: Final[bytes] = next(_records(Person(new_id(), new_id()), 1))[0]["document"]
"""A sealed document, which the database adds to the records of those who write none."""
