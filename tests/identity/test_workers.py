"""Several processes on one database: what is promised of one worker is promised of all of them together."""

import itertools
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import jwt

from app.keyring.rotation import PROPAGATION_SECONDS, retire, rotate
from tests.hostile.raw import Line, Reply
from tests.identity.conftest import Fleet
from tests.parallel import at_once
from tests.serving import PASSWORD, Person
from tests.waiting import awaited
from tests.witness import Client

GUESSES = 250
JSON = [("Content-Type", "application/json")]


def posted(line: Line, path: str, **body: str) -> Reply:
    return line.ask("POST", f"/v1/auth/{path}", JSON, json.dumps(body).encode())


def test_a_thousand_guesses_at_four_processes_are_looked_at_five_times(fleet: Fleet) -> None:
    alice = fleet.server.person("alice")
    lines_each = 3

    def guess(number: int) -> Counter[int]:
        seen: Counter[int] = Counter()
        with Line(fleet.addresses[number // lines_each]) as line:
            for each in range(number % lines_each, GUESSES, lines_each):
                seen[posted(line, "login", email=alice.email, password=f"wisteria {number} {each}").status] += 1
        return seen

    every = sum(at_once(guess, len(fleet.addresses) * lines_each), Counter())
    assert every == {401: 5, 429: len(fleet.addresses) * GUESSES - 5}
    for address in fleet.addresses:
        with Line(address) as line:
            assert posted(line, "login", email=alice.email, password=PASSWORD).problem["code"] == "too-many-attempts"


def test_fifty_refreshes_at_once_over_two_processes_get_one_successor(fleet: Fleet) -> None:
    alice = fleet.server.person("alice")

    def refresh(number: int) -> dict[str, str]:
        with Line(fleet.addresses[number % 2]) as line:
            reply = posted(line, "refresh", refresh_token=alice.tokens["refresh_token"])
        assert reply.status == 200, reply
        tokens: dict[str, str] = json.loads(reply.body)
        return tokens

    every = at_once(refresh, 50)
    (successor,) = {tokens["refresh_token"] for tokens in every}
    for url, tokens in zip(itertools.cycle(fleet.urls), every, strict=False):
        with Client(url, tokens["access_token"]) as client:
            assert client.get("/v1/me").status_code == 200
    with Line(fleet.addresses[1]) as line:
        assert posted(line, "refresh", refresh_token=successor).status == 200


def honest(fleet: Fleet, person: Person, enough: Event) -> tuple[Counter[int], set[str]]:
    """Use the API at every process in turn, with every token fresh; return what was answered, and who signed."""
    seen: Counter[int] = Counter()
    kids = set()
    clients = [Client(url) for url in fleet.urls]
    for client, other in itertools.cycle(itertools.permutations(clients, 2)):
        tokens = client.post("/v1/auth/refresh", json={"refresh_token": person.tokens["refresh_token"]}).json()
        person.tokens = tokens
        kids.add(jwt.get_unverified_header(person.token)["kid"])
        for each in (other, client):
            answer = each.get("/v1/me", headers={"Authorization": f"Bearer {person.token}"})
            seen[answer.status_code] += 1
        if enough.wait(0.01):
            break
    for client in clients:
        client.close()
    return seen, kids


def test_rotations_during_traffic_cost_no_honest_client_a_401(fleet: Fleet) -> None:
    people = [fleet.server.person(name) for name in ("alice", "bob")]
    enough = Event()
    with ThreadPoolExecutor(len(people)) as threads:
        answers = [threads.submit(honest, fleet, person, enough) for person in people]
        signed = []
        for _ in range(2):
            time.sleep(PROPAGATION_SECONDS + 0.1)
            signed.append(rotate(fleet.keyring, access_seconds=600))
        time.sleep(PROPAGATION_SECONDS)
        enough.set()
    for answer in answers:
        seen, kids = answer.result()
        assert set(seen) == {200}
        assert {*signed} < kids


def test_a_key_that_is_retired_in_an_emergency_is_refused_by_every_process(fleet: Fleet) -> None:
    alice = fleet.server.person("alice")
    clients = [Client(url, alice.token) for url in fleet.urls]
    assert {client.get("/v1/me").status_code for client in clients} == {200}
    signing = retire(fleet.keyring, jwt.get_unverified_header(alice.token)["kid"])
    awaited(lambda: {client.get("/v1/me").status_code for client in clients} == {401})
    awaited(lambda: fleet.server.services.keyring.current.kid == signing)
    refresh = {"refresh_token": alice.tokens["refresh_token"]}
    token = clients[0].post("/v1/auth/refresh", json=refresh).json()["access_token"]
    assert jwt.get_unverified_header(token)["kid"] == signing
    for client in clients:
        assert client.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        client.close()
