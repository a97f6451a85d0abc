"""Measures what sealing needs: the size of a database, and the migration of one that has its words in clear.

    uv run python -m tests.bench.custody

It fills a database with a hundred thousand reflections of 1 KB, migrates it down to the last revision with words in clear,
and up again by `afterglow migrate`, which it kills once on the way. It prints the sizes before and after, the times, how
often one word of the reflections stands in the files, and what `afterglow verify-seals` finds.
"""

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Annotated, Final

import asyncpg
import typer

from app import clock
from app.db import schema
from app.ids import new_id
from app.keyring.rotation import create_keyring
from app.records.codec import document_of
from app.resources.reflections import REFLECTIONS
from app.sealing import OwnerKeys
from app.sealing.aead import Cipher
from app.sealing.data_keys import FIRST_GENERATION
from tests import postgres
from tests.bench.arena import DURABLE
from tests.bench.planting import Person, plant, writing
from tests.bench.world import settings_for

BEFORE_SEALING: Final = "0009"
OWNERS: Final = 100
WORD: Final = "wisteria"
DECISIONS: Final = Path(__file__).parents[2] / "docs" / "decisions"
PROSE: Final = " ".join(" ".join(file.read_text() for file in sorted(DECISIONS.glob("*-*.md"))).split())
"""What a person writes, as regards how well it can be compressed: the decision records, which are prose."""
BYTES: Final = 1000
KILL_AT: Final = 0.3
"""The part of the records after which the migration is killed."""
AFTERGLOW: Final = Path(sys.executable).with_name("afterglow")


def _body(random: Random) -> str:
    """Return about a kilobyte of text: a part of the prose, from a random place."""
    start = random.randrange(len(PROSE) - BYTES)
    return f"{WORD} {PROSE[start : start + BYTES - len(WORD) - 1]}"


async def _fill(url: str, keyring: Path, each: int) -> None:
    """Insert people with reflections, sealed as the server seals them."""
    settings = settings_for(url, keyring)
    people = [Person(new_id(), new_id()) for _ in range(OWNERS)]
    await plant(settings, people, [0] * OWNERS)
    random = Random(1)  # noqa: S311 - texts
    empty = dict.fromkeys(str(column.name) for column in REFLECTIONS.table.c)
    async with writing(settings) as write:
        for person in people:
            keys = OwnerKeys(person.id, {FIRST_GENERATION: Cipher(person.data_key)})
            records, changes = [], []
            for number in range(each):
                id, seq, moment = new_id(), 2 + number, clock.now() - timedelta(minutes=number)
                row = {"owner_id": person.id, "id": id, "seq": seq, "created_at": moment, "updated_at": moment}
                row |= {"field_seq": {}, "visibility": "private", "occurred_at": moment, "timezone": "UTC"}
                row |= {"capture": "typed", "domains": []}
                words = dict.fromkeys(REFLECTIONS.document_names) | {"body": _body(random), "emotions": []}
                document = document_of(REFLECTIONS, words | row)
                row["document"] = keys.seal("reflections", id, seq, document, may_compress=not REFLECTIONS.clinical)
                records.append(empty | row)
                change = {"owner_id": person.id, "collection": "reflections", "id": id, "seq": seq, "deleted": False}
                changes.append(change | {"written_at": moment, "actor_id": person.device_id, "visibility": "private"})
            await write("reflection", records)
            await write("change", changes)


async def _postgres_size(url: str, *, is_plain: bool) -> int:
    """Return the size of a database on PostgreSQL.

    While the migration opens documents, a row has a document twice, so that PostgreSQL compresses the plain one.
    Before sealing, rows of this size were not compressed, so plain documents are written again.
    """
    connection = await asyncpg.connect(url)
    if is_plain:
        await connection.execute("UPDATE change SET document = document || ''")
    await connection.execute("VACUUM FULL")
    size: int = await connection.fetchval("SELECT pg_database_size(current_database())")
    await connection.execute("CHECKPOINT")
    await connection.close()
    return size


def _size(url: str, *, is_plain: bool = False) -> int:
    """Return the bytes of a database without free pages."""
    if url.startswith("postgresql"):
        return asyncio.run(_postgres_size(url, is_plain=is_plain))
    file = Path(url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("VACUUM")
    return sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))


def _count_word(folder: Path) -> int:
    """Return how often the word stands in the files of a database."""
    return sum(file.read_bytes().count(WORD.encode()) for file in folder.rglob("*") if file.is_file())


def _killed(environment: dict[str, str], records: int) -> float:
    """Run the migration, kill it after some of the records, and return the seconds that it ran."""
    began = time.perf_counter()
    process = subprocess.Popen([AFTERGLOW, "migrate"], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        sealed = re.search(r"sealed (\d+) records", line)
        if sealed is not None and int(sealed[1]) >= records * KILL_AT:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return time.perf_counter() - began


def measure(kind: str, records: int) -> None:
    """Measure on one kind of database, and print the results."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="custody")))
        keyring = folder / "keys.json"
        create_keyring(keyring, generated=False)
        (folder / "data").mkdir()
        url, files = f"sqlite:///{folder}/data/afterglow.db", folder / "data"
        if kind == "postgresql":
            os.environ.pop(postgres.URL, None)
            server = stack.enter_context(postgres.running(*DURABLE))
            files = Path(server.partition("host=")[2]) / "data" / "base"
            subprocess.run(["psql", "-q", server, "-c", "CREATE DATABASE custody"], check=True)
            url = server.replace("/postgres?", "/custody?")
        schema.migrate(url)
        asyncio.run(_fill(url, keyring, records // OWNERS))
        sealed_size = _size(url)
        began = time.perf_counter()
        schema.migrate(url, BEFORE_SEALING, keyring=keyring)
        down = time.perf_counter() - began
        plain_size, plain_words = _size(url, is_plain=True), _count_word(files)
        environment = os.environ | {"AFTERGLOW_DATABASE_URL": url, "AFTERGLOW_KEYRING": str(keyring)}
        environment["PYTHONUNBUFFERED"] = "1"
        killed = _killed(environment, records)
        began = time.perf_counter()
        subprocess.run([AFTERGLOW, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
        up = time.perf_counter() - began
        words, migrated_size = _count_word(files), _size(url)
        verified = subprocess.run(
            [AFTERGLOW, "verify-seals"], env=environment, check=True, capture_output=True, text=True
        )
    print(
        f"{kind}: {records:,} reflections of {BYTES:,} bytes\n"
        f"- size with words in clear {plain_size / 2**20:.1f} MiB, sealed {sealed_size / 2**20:.1f} MiB: "
        f"{sealed_size / plain_size:.3f} times (wanted: 0.65); migrated {migrated_size / plain_size:.3f} times\n"
        f"- down in {down:.0f} s; up: killed after {killed:.0f} s, then completed in {up:.0f} s\n"
        f"- the word in the files: {plain_words:,} times in clear, {words:,} times after the migration\n"
        f"- verify-seals: {verified.stdout.strip()}",
        flush=True,
    )


def main(
    *,
    database: Annotated[str, typer.Option(help="Which, by comma.")] = "postgresql,sqlite",
    records: Annotated[int, typer.Option(min=1000, help="How many reflections.")] = 100_000,
) -> None:
    """Measure the sizes and the migration."""
    for kind in database.split(","):
        measure(kind, records)


if __name__ == "__main__":
    typer.run(main)
