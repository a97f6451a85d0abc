"""The memory of imports: of Python's objects, and of a whole process. The databases are not shared: they become large."""

import gc
import json
import os
import random
import re
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from secrets import token_urlsafe

import pytest

from app.archive.format import MEDIA_TYPE
from app.ids import new_id
from tests.archive.packing import archive_of, day_one_export, result
from tests.conftest import Servers
from tests.drafts import Json
from tests.hostile.raw import RawConnection, request_bytes
from tests.house.starting import started_server
from tests.serving import Person, Server
from tests.witness import Client

MEASURED = """
import atexit
from pathlib import Path
from app.cli import main
atexit.register(lambda: print(Path("/proc/self/status").read_text(), flush=True))
main()
"""
SHARED_SETTINGS = ("database_url", "keyring", "pool_seconds")
MAX_WORKER_MIB = 128 + (10 if "COVERAGE_PROCESS_CONFIG" in os.environ else 0)
"""The bound of a worker, and what a process takes in addition if its coverage is measured."""
RECORDS = 400
"""With the longest text each: 40 MB, more than what a worker may take beside its code."""


@pytest.fixture
def server(servers: Servers, database: str) -> Server:
    """Return a server with a database of its own."""
    return servers.start(servers.settings(database))


def long_texts() -> Iterator[str]:
    """Yield texts of 100 000 characters that are compressed to about a tenth."""
    chance = random.SystemRandom()
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz\u00e4", k=7)) for _ in range(60)]
    text = " ".join(chance.choices(words, k=40_000))
    for _ in range(RECORDS):
        start = chance.randrange(len(text) - 100_000)
        yield text[start : start + 100_000]


def own_archive(template: Json) -> bytes:
    return archive_of({"reflections": (template | {"id": str(new_id()), "body": text} for text in long_texts())})


def day_one_archive(_template: Json) -> bytes:
    entry = {"creationDate": "2024-02-29T22:30:00Z"}
    return day_one_export(*(entry | {"uuid": new_id().hex, "text": text} for text in long_texts()))


@pytest.mark.parametrize(
    ("origin", "pack"),
    [("afterglow", own_archive), ("day-one", day_one_archive)],
    ids=["an archive of ours", "Day One"],
)
def test_a_worker_that_imports_a_large_archive_stays_below_128_mib(
    server: Server, alice: Person, tmp_path: Path, origin: str, pack: object
) -> None:
    assert callable(pack)
    archive = pack(alice.client.post("/v1/reflections", json={"body": "wisteria"}).json())
    environment = {f"AFTERGLOW_{name.upper()}": str(getattr(server.settings, name)) for name in SHARED_SETTINGS}
    with (
        started_server([sys.executable, "-c", MEASURED, "serve"], tmp_path, **environment) as url,
        closing(Client(url, alice.token)) as client,
    ):
        headers = {"Content-Type": MEDIA_TYPE}
        response = client.post("/v1/import", params={"from": origin}, content=archive, headers=headers, timeout=110)
    assert response.json() == result(created=RECORDS)
    peak = re.search(r"^VmHWM:\s+([0-9]+) kB$", (tmp_path / "output").read_text(), re.MULTILINE)
    assert peak is not None
    assert int(peak[1]) / 1024 <= MAX_WORKER_MIB


def peak_of_import(server: Server, person: Person, records: int, words: int) -> tuple[int, int]:
    """Import so many reflections with random text; return the size of the archive and the peak of Python's memory in bytes."""
    template = person.client.post("/v1/reflections", json={"body": "wisteria"}).json()
    archive = archive_of(
        {"reflections": (template | {"id": str(new_id()), "body": token_urlsafe(words)} for _ in range(records))}
    )
    headers = [("Authorization", f"Bearer {person.token}"), ("Content-Type", MEDIA_TYPE)]
    content = request_bytes("POST", "/v1/import", headers, archive)
    with RawConnection(server.address) as connection:
        gc.freeze()  # otherwise the size of the tests' own process decides how long unreachable cycles stay
        gc.collect()
        tracemalloc.start()
        response = connection.send(content, method="POST")  # otherwise it copies the content to find the method
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        gc.unfreeze()
    assert json.loads(response.body) == result(created=records)
    return len(archive), peak


def test_the_memory_of_an_import_does_not_grow_with_the_archive(server: Server, alice: Person, bob: Person) -> None:
    size, peak = peak_of_import(server, alice, 600, 2000)
    larger, peak_of_larger = peak_of_import(server, bob, 6000, 2000)
    assert larger > 9 * size
    assert peak_of_larger < peak + 4_000_000
    assert peak < 12_000_000
