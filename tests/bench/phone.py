"""Prepared requests of an app that reads, writes, and syncs after some time offline.

Each kind of request has a one-character code: `glpcdu` has each of the six kinds once (get a record, list fifty, post one, change one, pull
all of a person's hundred, push twenty edits made offline); `gglgpgcl` is an app that is always online and mostly reads. The
edits belong to a hundred people in turn, and have another text each time, so that almost every edit is a change.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Final

from tests.bench.operations import Client, get_one, list_fifty
from tests.bench.planting import Person

EVERYTHING: Final = "glpcdu"
REQUESTS: Final = 16_000
CHANGED: Final = 100
EDITS: Final = 20
DRAFT: Final = b'{"kind": "integration", "statement": "When she goes quiet, I stay, and I do not try to repair it."}'


def requests_of(people: list[Person], mix: str) -> list[bytes]:
    """Return the requests, of each person in turn."""
    client = Client(people, ours=True)
    edited = enumerate(itertools.cycle(people[:CHANGED]))
    streams: dict[str, Iterator[bytes]] = {
        "g": get_one(client),
        "l": list_fifty(client),
        "p": (client.request(person, "POST", "/v1/intentions", DRAFT) for person in itertools.cycle(people)),
        "c": (_change(client, person, number) for number, person in edited),
        "d": (
            client.request(person, "GET", "/v1/sync/changes?since=0&limit=200") for person in itertools.cycle(people)
        ),
        "u": (_push(client, person, number) for number, person in edited),
    }
    return [next(streams[kind]) for kind, _ in zip(itertools.cycle(mix), range(REQUESTS), strict=False)]


def _words(number: int) -> dict[str, str]:
    return {"statement": f"I stay, for the {number}th time, and do not repair it."}


def _change(client: Client, person: Person, number: int) -> bytes:
    path = f"/v1/intentions/{next(iter(person.seqs))}"
    return client.request(person, "PATCH", path, json.dumps(_words(number)).encode(), "If-Match: *\r\n")


def _push(client: Client, person: Person, number: int) -> bytes:
    ops = [
        {"op": "upsert", "collection": "intentions", "id": str(id), "set": _words(number), "on_conflict": "mine"}
        for id in itertools.islice(person.seqs, 1, 1 + EDITS)
    ]
    return client.request(person, "POST", "/v1/sync/push", json.dumps({"ops": ops}).encode())
