"""Random mutations of valid requests: no request causes an error of the server or a partial write."""

import json
import random
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from app.resources import RESOURCES
from tests.drafts import create_record
from tests.hostile.chance import EFFORT, RecordProperty
from tests.hostile.conftest import State
from tests.hostile.mutations import Mutant, ValidRequest, mutate
from tests.hostile.operations import CLINICAL, COUNTED, OPERATIONS, Operation
from tests.hostile.raw import SECONDS, RawConnection, RawResponse
from tests.hostile.test_reading_back import is_timestamp, parsed
from tests.serving import Person, Server

PARTS = 4
BATCHES = 5
MUTANTS = 500
NOT_FINAL = {401, 429, 503, 507}
"""A failed sign-in is counted, which changes the database; a request that was turned away may succeed later."""
TURNED_AWAY = {b"503", b"507"}
"""The responses of a server that is busy, such as with two imports whose archives have not arrived."""
SLOW = {
    *("register", "verify", "login", "change_password", "reset_password", "forgot_password", "request_email_change"),
    *("close_account", "reopen_account"),
}
"""Operations that compute hashes: they are chosen less often."""
CODES = {"look_up_code", "create_consent", "create_connection"}
"""Operations that count wrong codes."""
ENDING = {"logout", "logout_all"}


class BrokenError(AssertionError):
    """A wrong result, with the request that caused it."""

    def __init__(self, mutant: Mutant, found: object) -> None:
        super().__init__(f"{mutant.right.operation} {mutant.how}: {found}\nsent: {mutant.content[:8000]!r}")


def is_refused(mutant: Mutant, reply: RawResponse | None) -> bool:
    """Return whether a mutant must not change the database: it was refused, or is incomplete.

    A counted operation is a GET: it is answered, and counted, before an incomplete body ends. Wrong codes are counted, too.
    """
    name = mutant.right.operation.content["operationId"]
    if reply is None:
        return not mutant.is_complete and name not in COUNTED
    is_counted = name in CODES and (reply.status in {404, 409} or b'"unknown-code"' in reply.body)
    return reply.status >= 400 and reply.status not in NOT_FINAL and not is_counted


class Attack:
    """Sends mutated requests, and checks the responses."""

    def __init__(self, server: Server, chance: random.Random, connection: RawConnection) -> None:
        self.server, self.chance, self.connection = server, chance, connection
        self.outcomes: Counter[str] = Counter()
        self._waiting: list[tuple[Mutant, socket.socket]] = []

    def batch(self) -> list[Mutant]:
        """Send mutants of a new person's requests; return those that must not have changed the database."""
        person = self.server.person("mallory")
        valid = [*self._valid_requests(person)]
        weights = [1 if each.operation.content["operationId"] in SLOW else 10 for each in valid]
        refused = []
        for right in self.chance.choices(valid, weights, k=MUTANTS):
            mutant = mutate(right, self.chance)
            reply = self.send(mutant)
            if is_refused(mutant, reply):
                refused.append(mutant)
            if reply is None:
                continue
            self.outcomes[f"{reply.status // 100}xx"] += 1
            if reply.status in {200, 201} and right.operation.method != "GET":
                self._read_back(mutant, reply)
        return refused

    def _valid_requests(self, person: Person) -> Iterator[ValidRequest]:
        for operation in OPERATIONS:
            if operation.content["operationId"] in ENDING:
                continue
            body = operation.right_body(person)
            if body is not None and operation.method == "PATCH" and operation.resource is not None:
                shape = (operation.body or {})["properties"]
                draft = create_record(person.client, operation.resource, person)
                body |= {name: value for name, value in draft.items() if name in shape}
            content = operation.right_content(person) if body is None else json.dumps(body).encode()
            yield ValidRequest(operation, operation.target(person), operation.headers(person), body, content)

    def send(self, mutant: Mutant) -> RawResponse | None:
        """Send a mutant; return the response, or None if the request is incomplete or the connection was closed."""
        if not mutant.is_complete:
            self.outcomes["cut off"] += 1
            waiting = socket.create_connection(self.server.address, timeout=SECONDS)
            waiting.sendall(mutant.content)
            self._waiting.append((mutant, waiting))
            return None
        method = mutant.content.partition(b" ")[0].decode("latin-1").upper()
        try:
            reply = self.connection.send(mutant.content, method=method)
        except (ConnectionError, TimeoutError) as error:
            self.outcomes[type(error).__name__] += 1
            self.connection.close()
            return None
        if mutant.how != "of_json":
            self.connection.close()
        if reply.status >= 500 and reply.status not in {503, 507}:
            raise BrokenError(mutant, reply)
        if reply.status in {400, 404, 413, 414, 415, 422, 428, 431} and b"wisteria" in reply.body:
            raise BrokenError(mutant, reply)
        return reply

    def end_incomplete(self) -> None:
        """End all incomplete requests, and check that none caused an error of the server."""
        for mutant, waiting in self._waiting:
            with waiting, suppress(OSError):
                waiting.shutdown(socket.SHUT_WR)
                status = waiting.recv(65536)[9:12]
                if status.startswith(b"5") and status not in TURNED_AWAY:
                    raise BrokenError(mutant, "an error of the server")
        self._waiting.clear()

    def _read_back(self, mutant: Mutant, reply: RawResponse) -> None:
        operation, answer = mutant.right.operation, json.loads(reply.body)
        for record in (answer, *(each["record"] for each in answer.get("results", []) if each.get("record"))):
            path = self._path_of(record, operation)
            if path is None:
                continue
            read = self.connection.request("GET", path, [mutant.right.headers[0]])
            found = json.loads(read.body)
            found = found if "usage" in record else {name: found[name] for name in found if name != "usage"}
            if read.status != 200 or found != record:
                raise BrokenError(mutant, f"answered {record}, stored {read.body!r}")
        is_compared = operation.tag not in CLINICAL  # their responses do not repeat the codes and terms that were sent
        if is_compared and (reply.status == 201 or operation.method == "PATCH") and mutant.how == "of_json":
            self._compare(mutant, operation, answer)

    def _compare(self, mutant: Mutant, operation: Operation, answer: dict[str, Any]) -> None:
        filled_in = operation.resource.filled_in if operation.resource else ()
        for name, value in json.loads(mutant.body).items():
            schema = (operation.body or {})["properties"][name]
            if value is None and name in filled_in:
                continue
            if parsed(answer[name], schema) != parsed(value, schema) and not is_timestamp(schema):
                raise BrokenError(mutant, f"{name} is {answer[name]!r}")

    @staticmethod
    def _path_of(record: dict[str, Any], operation: Operation) -> str | None:
        if "email" in record:
            return "/v1/me"
        fits = (each for each in RESOURCES if {*each.public_names} == {*record})
        resource = operation.resource or next(fits, None)
        return None if resource is None or "id" not in record else f"{resource.path}/{record['id']}"

    def assert_unchanged(self, mutants: list[Mutant], state: State) -> None:
        """Send refused mutants again, and check that the database does not change; skip those that are accepted now."""
        while True:
            before = state()
            replies = [(mutant, self.send(mutant)) for mutant in mutants]
            self.end_incomplete()
            still = [mutant for mutant, reply in replies if is_refused(mutant, reply)]
            if len(still) == len(mutants):
                break
            mutants = still
        after = state()
        if after != before and len(mutants) > 1:
            half = len(mutants) // 2
            self.assert_unchanged(mutants[:half], state)
            self.assert_unchanged(mutants[half:], state)
        if after != before:
            changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
            raise BrokenError(
                mutants[-1], f"the database changed, by this or one of {len(mutants)} requests: {changed}"
            )


@pytest.fixture(params=range(PARTS))
def attack(request: pytest.FixtureRequest, server: Server, connection: RawConnection, seed: int) -> Attack:
    return Attack(server, random.Random(f"{seed} {request.node.name}"), connection)  # noqa: S311 - repeatable


def test_no_mutation_causes_a_server_error_or_a_partial_write(
    attack: Attack, connection: RawConnection, state: State, database: str, record_property: RecordProperty
) -> None:
    for _ in range(BATCHES * EFFORT):
        attack.assert_unchanged(attack.batch(), state)
    assert connection.request("GET", "/livez").status == 200
    tried = BATCHES * EFFORT * MUTANTS
    record_property("summary", f"{tried} mutations on {database}: {dict(sorted(attack.outcomes.items()))}")
