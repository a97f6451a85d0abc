"""The floor: asyncpg executes one statement in a loop on sixteen connections.

Without HTTP, tokens and JSON: the cost of the database and its driver. Each operation is one statement that writes the same
rows; values are prepared if the load generator prepares them for the others. It reads an operation, a number of seconds and
the people from its standard input, and writes a line of JSON.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvloop

COLUMNS = (
    "id, seq, created_at, updated_at, visibility, kind, statement, why, session_id, element_id, derived_from_id, domain, "
    "status, achievement, target_on"
)
PUBLIC = ", ".join(f"i.{name}" for name in COLUMNS.split(", "))
TAKE = "WITH f AS (UPDATE feed SET head = head + $2 WHERE owner_id = $1 RETURNING head, epoch), "
GET = f"SELECT {COLUMNS} FROM intention WHERE owner_id = $1 AND id = $2"
LIST = f"SELECT {COLUMNS} FROM intention WHERE owner_id = $1 ORDER BY created_at DESC, id DESC LIMIT 51"
POST = f"""{TAKE} c AS (
    INSERT INTO change (owner_id, collection, id, seq, deleted, written_at, actor_id)
    SELECT $1, 'intentions', n.id, f.head - $2 + n.place, false, $3, $1 FROM f, unnest($4::uuid[]) WITH ORDINALITY n(id, place)
) INSERT INTO intention AS i (owner_id, {COLUMNS}, field_seq)
SELECT $1, n.id, f.head - $2 + n.place, $3, $3, 'private', 'integration', $5, $6, NULL, NULL, NULL, 'relationships', 'active',
       NULL, $7, '{{}}' FROM f, unnest($4::uuid[]) WITH ORDINALITY n(id, place) RETURNING {PUBLIC}"""
PATCH = f"""{TAKE} c AS (
    UPDATE change SET seq = f.head, written_at = $3, actor_id = $1 FROM f
    WHERE owner_id = $1 AND collection = 'intentions' AND id = $4
) UPDATE intention i SET statement = $5, seq = f.head, updated_at = $3, field_seq = json_build_object('statement', f.head)
FROM f WHERE i.owner_id = $1 AND i.id = $4 AND i.seq = $6 RETURNING {PUBLIC}"""
PULL = """SELECT 'intentions', id, seq, false, document FROM intention
WHERE owner_id = $1 AND seq > 0 ORDER BY seq LIMIT 1000"""
WORDS = "When my mother goes quiet, I stay, and I do not try to repair it."
WHY = "Repairing is how I left the room without moving."

Connection = Any
Person = tuple[UUID, list[list[Any]]]


async def get(connection: Connection, person: Person) -> None:
    """Read one record."""
    await connection.fetchrow(GET, person[0], person[1][-1][0])


async def list_(connection: Connection, person: Person) -> None:
    """Read a page."""
    await connection.fetch(LIST, person[0])


async def post(connection: Connection, person: Person, count: int = 1) -> None:
    """Create records."""
    ids = [uuid4() for _ in range(count)]
    await connection.fetch(POST, person[0], count, datetime.now(UTC), ids, WORDS, WHY, date(2026, 12, 31))


async def patch(connection: Connection, person: Person) -> None:
    """Change a record that no other contestant changes."""
    record = person[1][-2]
    row = await connection.fetchrow(PATCH, person[0], 1, datetime.now(UTC), record[0], WORDS, record[1])
    record[1] = row["seq"]


async def pull(connection: Connection, person: Person) -> None:
    """Read a thousand changes."""
    await connection.fetch(PULL, person[0])


async def push(connection: Connection, person: Person) -> None:
    """Write a hundred records."""
    await post(connection, person, 100)


WORK: dict[str, Callable[[Connection, Person], Any]] = {
    "get": get,
    "list": list_,
    "post": post,
    "patch": patch,
    "pull": pull,
    "push": push,
}


async def measured(
    work: Callable[[Connection, Person], Any], lines: list[tuple[Connection, list[Person]]], seconds: float
) -> dict[str, Any]:
    """Keep all connections busy; return the duration, and the time of each statement."""
    waits: list[float] = []
    began = time.perf_counter()
    until = began + seconds

    async def keep_busy(connection: Connection, people: list[Person]) -> None:
        while True:
            for person in people:
                sent = time.perf_counter()
                if sent > until:
                    return
                await work(connection, person)
                waits.append(time.perf_counter() - sent)

    await asyncio.gather(*(keep_busy(*line) for line in lines))
    return {"seconds": time.perf_counter() - began, "waits": waits, "failures": 0}


async def spoken() -> AsyncIterator[list[str]]:
    """Return the words of each line of the standard input."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield line.split()


async def main(path: str, pooled: str = "") -> None:
    """Execute the commands of standard input; the file `path` has the people, their records and numbers.

    If `pooled`, each statement takes a connection from asyncpg's pool, as a server does.
    """
    url = os.environ["DATABASE_URL"]
    if pooled:
        connections = [await asyncpg.create_pool(url, min_size=16, max_size=16)] * 16
    else:
        connections = [await asyncpg.connect(url) for _ in range(16)]
    world = json.loads(await asyncio.to_thread(Path(path).read_text, encoding="utf-8"))
    everybody = [(UUID(id), [[UUID(key), seq] for key, seq in seqs.items()]) for id, seqs in world]
    if pooled:  # the other floor changes the records before the last
        everybody = [(id, records[:-1]) for id, records in everybody]
    async for name, seconds, first, last in spoken():
        people = everybody[int(first) : int(last)]
        lines = [(connection, people[number::16]) for number, connection in enumerate(connections)]
        await measured(WORK[name], lines, 0.2)
        begin = time.process_time()
        result = await measured(WORK[name], lines, float(seconds))
        print(json.dumps(result | {"cpu": time.process_time() - begin}), flush=True)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
