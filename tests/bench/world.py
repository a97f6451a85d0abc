"""The world that is measured: people with devices, and their intentions, in our own schema.

Every contestant reads and writes these same tables. Rows are planted through our own statements, so that they are what
our server would have written: a feed for each person, a change for each record.
"""

import asyncio
import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from app import clock
from app.db import Database, Statement, given, open_database, schema
from app.identity import Feed
from app.identity.key_rotation import create_keyring
from app.identity.keyring import Keyring
from app.identity.tables import AccountRecord, DeviceRecord
from app.identity.tokens import Tokens
from app.ids import new_id
from app.records.access import statements
from app.records.codec import document_of
from app.records.tables import Change
from app.resources.intentions import INTENTIONS
from app.settings import Settings

EPOCH: Final = 1
ISSUER: Final = "https://bench.invalid"
SECRET: Final = base64.b64encode(b"the peers' shared secret of HS256").decode()
TOKEN_SECONDS: Final = 3600
_ROWS_AT_ONCE: Final = 5000


def _inserting(table: sa.Table) -> Statement:
    return Statement(sa.insert(table).values({column.name: given(column) for column in table.c}))


_PLANT: Final = {
    "account": _inserting(AccountRecord.table()),
    "device": _inserting(DeviceRecord.table()),
    "feed": _inserting(Feed.table()),
    "intention": statements(INTENTIONS).insert,
    "change": _inserting(Change.table()),
}


@dataclass
class Person:
    """Somebody who owns intentions; `seqs` has the number of each one's last change, in the order of writing."""

    id: UUID
    device_id: UUID
    seqs: dict[str, int] = field(default_factory=dict)
    token: str = ""
    peers_token: str = ""


@dataclass
class World:
    """The people, and where the rows are."""

    url: str
    people: list[Person]
    keyring: Path


def settings_for(url: str, keyring: Path) -> Settings:
    """Return the settings that our server runs with."""
    return Settings(
        database_url=url, keyring=keyring, issuer=ISSUER, access_seconds=TOKEN_SECONDS, statement_seconds=600
    )


def new_world(url: str, folder: Path, sizes: list[int]) -> World:
    """Migrate an empty database, and plant as many people as there are sizes, each with that many intentions."""
    schema.migrate(url)
    keyring = folder / "keys.json"
    if not keyring.exists():
        create_keyring(keyring, generated=False)
    people = [Person(new_id(), new_id()) for _ in sizes]
    settings = settings_for(url, keyring)
    asyncio.run(_plant(settings, people, sizes))
    tokens = Tokens(settings, Keyring(keyring))
    for person in people:
        person.token = tokens.issue(person.id, person.device_id, "person")
        person.peers_token = _peers_token(person)
    return World(url, people, keyring)


def _peers_token(person: Person) -> str:
    """Return a token as the peers' documentation makes them: HS256, cheaper to verify than our ES256."""
    from jose import jwt  # noqa: PLC0415 - as a peer would

    now = int(time.time())
    claims = {
        "sub": str(person.id),
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "jti": new_id().hex,
        "token_type": "access",
    }
    token: str = jwt.encode(claims, SECRET, "HS256")
    return token


async def _plant(settings: Settings, people: list[Person], sizes: list[int]) -> None:
    db = open_database(settings)
    await db.open()
    try:
        for table in ("account", "device", "feed"):
            rows = [_person_row(table, person, size) for person, size in zip(people, sizes, strict=True)]
            await _write(db, table, rows)
        batch: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for person, size in zip(people, sizes, strict=True):
            batch += _records(person, size)
            if len(batch) >= _ROWS_AT_ONCE or person is people[-1]:
                await _write(db, "intention", [record for record, _ in batch])
                await _write(db, "change", [change for _, change in batch])
                batch = []
    finally:
        await db.close()
    if not settings.uses_sqlite:
        connection = await asyncpg.connect(settings.database_url)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        await connection.close()


async def _write(db: Database, table: str, rows: list[dict[str, Any]]) -> None:
    async with db.transaction() as tx:
        await tx.many(_PLANT[table], rows)


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
            "closed_at": None,
        },
        "device": {
            "id": person.device_id,
            "account_id": person.id,
            "name": "phone",
            "created_at": now,
            "last_used_at": now,
            "ended_at": None,
        },
        "feed": {"owner_id": person.id, "head": 1 + size, "epoch": EPOCH, "floor": 0},
    }
    return rows[table]


def _records(person: Person, size: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    began = clock.now() - timedelta(days=300)
    for number in range(size):
        id, seq, moment = new_id(), 2 + number, began + timedelta(minutes=number)
        person.seqs[str(id)] = seq
        row = dict.fromkeys(column.name for column in INTENTIONS.table.c) | {
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
            "target_on": clock.now().date(),
        }
        noted = {"collection": "intentions", "deleted": False, "written_at": moment, "written_by": person.id}
        yield row, noted | {"owner_id": person.id, "id": id, "seq": seq, "document": document_of(INTENTIONS, row)}
