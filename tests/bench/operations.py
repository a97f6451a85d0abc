"""The operations: their requests, and checks of the responses.

Paths and bodies are the same for all contestants. Each connection uses other people, so no connection waits for the lock of
another, and a change sends the version of the previous response.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from app.resources.intentions import INTENTIONS
from tests.bench.load import Conversation, Response
from tests.bench.planting import Person

CONNECTIONS: Final = 16
EPOCH_SHIFT: Final = 40
PULLED: Final = 1000
PUSHED: Final = 100
LISTED: Final = 50
_version = re.compile(rb'"version":\s*(\d+)').search
_FIELDS: Final = frozenset(INTENTIONS.public_names)


@dataclass(frozen=True)
class Client:
    """The people and token type of one connection; versions of other frameworks have no epoch."""

    people: list[Person]
    ours: bool

    def request(self, person: Person, method: str, path: str, body: bytes = b"", extra: str = "") -> bytes:
        """Return the bytes of a request."""
        if body:
            extra += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        token = person.token if self.ours else person.peers_token
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nAuthorization: Bearer {token}\r\n{extra}\r\n"
        return head.encode() + body

    def version(self, seq: int) -> int:
        """Return a version in the format of this contestant."""
        return seq + (1 << EPOCH_SHIFT) * self.ours


def again(requests: list[bytes]) -> Conversation:
    """Repeat one request."""
    while True:
        for request in requests:
            _answer = yield request


def get_one(client: Client) -> Conversation:
    """Read the newest records of each person in turn."""
    requests = [
        client.request(person, "GET", f"/v1/intentions/{id}")
        for number in range(5)
        for person in client.people
        for id in itertools.islice(reversed(person.seqs), number, number + 1)
    ]
    return again(requests)


def list_fifty(client: Client) -> Conversation:
    """Read the first page of each person in turn."""
    return again([client.request(person, "GET", f"/v1/intentions?limit={LISTED}") for person in client.people])


def _draft() -> dict[str, Any]:
    return {
        "kind": "integration",
        "statement": "When my mother goes quiet, I stay, and I do not try to repair it.",
        "why": "Repairing is how I left the room without moving.",
        "domain": "relationships",
        "target_on": "2026-12-31",
    }


def post(client: Client) -> Conversation:
    """Create records with ids of the client."""
    before, _, after = json.dumps({"id": "ID"} | _draft()).encode().partition(b"ID")
    for person in itertools.cycle(client.people):
        yield client.request(person, "POST", "/v1/intentions", before + str(uuid4()).encode() + after)


def patch(client: Client) -> Conversation:
    """Change the oldest records of each person in turn, with the last version."""
    for number in itertools.count():
        for person in client.people:
            id = next(iter(person.seqs))
            body = json.dumps({"statement": f"I stay, for the {number}th time, and do not repair it."}).encode()
            match = f'If-Match: "{client.version(person.seqs[id])}"\r\n'
            answer = yield client.request(person, "PATCH", f"/v1/intentions/{id}", body, match)
            found = _version(answer.body)
            if found:
                person.seqs[id] = int(found[1]) % (1 << EPOCH_SHIFT)


def pull(client: Client) -> Conversation:
    """Read a thousand changes from the beginning."""
    return again(
        [client.request(person, "GET", f"/v1/sync/changes?since=0&limit={PULLED}") for person in client.people]
    )


def push(client: Client) -> Conversation:
    """Create a hundred records in one push."""
    op = {"op": "upsert", "collection": "intentions", "id": "ID", "set": _draft()}
    before, _, after = json.dumps(op).encode().partition(b"ID")
    for person in itertools.cycle(client.people):
        ops = b",".join(before + str(uuid4()).encode() + after for _ in range(PUSHED))
        yield client.request(person, "POST", "/v1/sync/push", b'{"ops":[' + ops + b"]}")


def _is_record(record: dict[str, Any]) -> None:
    assert record.keys() >= _FIELDS, sorted(_FIELDS - record.keys())
    assert record["statement"], record
    assert record["target_on"], record
    assert record["created_at"].endswith(("Z", "+00:00")), record


def _one(body: dict[str, Any]) -> None:
    _is_record(body)


def _page(body: dict[str, Any]) -> None:
    assert len(body["items"]) == LISTED, len(body["items"])
    moments = [item["created_at"] for item in body["items"]]
    assert moments == sorted(moments, reverse=True)
    for item in body["items"]:
        _is_record(item)


def _pulled(body: dict[str, Any]) -> None:
    assert len(body["changes"]) == PULLED, len(body["changes"])
    versions = [change["version"] for change in body["changes"]]
    assert versions == sorted(versions)
    for change in body["changes"]:
        assert change["collection"] == "intentions", change
        _is_record(change["record"])


def _pushed(body: dict[str, Any]) -> None:
    assert len(body["results"]) == PUSHED, len(body["results"])
    for result in body["results"]:
        assert result["outcome"] == "applied", result
        _is_record(result["record"])


@dataclass(frozen=True)
class Operation:
    """An operation: the people that it is about, its requests and the check of its responses."""

    name: str
    title: str
    talk: Callable[[Client], Conversation]
    people: slice
    status: int
    look: Callable[[dict[str, Any]], None]
    connections: int = CONNECTIONS

    def conversations(self, people: list[Person], *, ours: bool) -> list[Conversation]:
        """Return a conversation for each connection, each with other people."""
        chosen, count = people[self.people], self.connections
        return [self.talk(Client(chosen[each::count], ours)) for each in range(count)]

    def check(self, answer: Response) -> None:
        """Raise `AssertionError` if the response is wrong."""
        assert answer.status == self.status, (answer.status, answer.body[:500])
        self.look(json.loads(answer.body))


ORDINARY: Final = slice(0, 1000)
LARGE: Final = slice(1000, 1016)
"""The world has a thousand people of a hundred records each, and sixteen of a thousand, who pull."""

OPERATIONS: Final = {
    each.name: each
    for each in (
        Operation("get", "GET one", get_one, ORDINARY, 200, _one),
        Operation("list", "list 50", list_fifty, ORDINARY, 200, _page),
        Operation("post", "POST", post, ORDINARY, 201, _one),
        Operation("patch", "PATCH with If-Match", patch, ORDINARY, 200, _one),
        Operation("pull", "pull of 1 000 changes", pull, LARGE, 200, _pulled),
        Operation("push", "push of 100", push, ORDINARY, 200, _pushed),
    )
}


def sizes() -> Iterator[int]:
    """Return the number of records of each person."""
    yield from itertools.repeat(100, ORDINARY.stop)
    yield from itertools.repeat(PULLED, LARGE.stop - LARGE.start)
