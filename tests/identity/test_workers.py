"""Several processes on one database: limits and sign-outs hold for all of them together."""

import itertools
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import jwt

from app.keyring.rotation import PROPAGATION_SECONDS, retire, rotate
from tests.hostile.raw import RawConnection, RawResponse
from tests.identity.conftest import Cluster
from tests.parallel import at_once
from tests.serving import PASSWORD, Person
from tests.waiting import wait_until
from tests.witness import Client

GUESSES = 250
JSON = [("Content-Type", "application/json")]


def post(connection: RawConnection, path: str, **body: str) -> RawResponse:
    return connection.request("POST", f"/v1/auth/{path}", JSON, json.dumps(body).encode())


def test_of_a_thousand_attempts_at_four_processes_five_are_checked(cluster: Cluster) -> None:
    alice = cluster.server.person("alice")
    connections_each = 3

    def guess(number: int) -> Counter[int]:
        seen: Counter[int] = Counter()
        with RawConnection(cluster.addresses[number // connections_each]) as connection:
            for each in range(number % connections_each, GUESSES, connections_each):
                seen[post(connection, "login", email=alice.email, password=f"wisteria {number} {each}").status] += 1
        return seen

    every = sum(at_once(guess, len(cluster.addresses) * connections_each), Counter())
    assert every == {401: 5, 429: len(cluster.addresses) * GUESSES - 5}
    for address in cluster.addresses:
        with RawConnection(address) as connection:
            assert (
                post(connection, "login", email=alice.email, password=PASSWORD).problem["code"] == "too-many-attempts"
            )


def test_fifty_concurrent_refreshes_at_two_processes_get_one_successor(cluster: Cluster) -> None:
    alice = cluster.server.person("alice")

    def refresh(number: int) -> dict[str, str]:
        with RawConnection(cluster.addresses[number % 2]) as connection:
            reply = post(connection, "refresh", refresh_token=alice.tokens["refresh_token"])
        assert reply.status == 200, reply
        tokens: dict[str, str] = json.loads(reply.body)
        return tokens

    every = at_once(refresh, 50)
    (successor,) = {tokens["refresh_token"] for tokens in every}
    for url, tokens in zip(itertools.cycle(cluster.urls), every, strict=False):
        with Client(url, tokens["access_token"]) as client:
            assert client.get("/v1/me").status_code == 200
    with RawConnection(cluster.addresses[1]) as connection:
        assert post(connection, "refresh", refresh_token=successor).status == 200


def use_api(cluster: Cluster, person: Person, enough: Event) -> tuple[Counter[int], set[str]]:
    """Use the API at each process in turn with fresh tokens; return the statuses and the ids of the signing keys."""
    seen: Counter[int] = Counter()
    kids = set()
    clients = [Client(url) for url in cluster.urls]
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


def test_no_valid_client_gets_401_during_rotations(cluster: Cluster) -> None:
    people = [cluster.server.person(name) for name in ("alice", "bob")]
    enough = Event()
    with ThreadPoolExecutor(len(people)) as threads:
        answers = [threads.submit(use_api, cluster, person, enough) for person in people]
        signed = []
        for _ in range(2):
            time.sleep(PROPAGATION_SECONDS + 0.1)
            signed.append(rotate(cluster.keyring, access_seconds=600))
        time.sleep(PROPAGATION_SECONDS)
        enough.set()
    for answer in answers:
        seen, kids = answer.result()
        assert set(seen) == {200}
        assert {*signed} < kids


def test_a_key_retired_in_an_emergency_is_refused_by_every_process(cluster: Cluster) -> None:
    alice = cluster.server.person("alice")
    clients = [Client(url, alice.token) for url in cluster.urls]
    assert {client.get("/v1/me").status_code for client in clients} == {200}
    signing = retire(cluster.keyring, jwt.get_unverified_header(alice.token)["kid"])
    wait_until(lambda: {client.get("/v1/me").status_code for client in clients} == {401})
    wait_until(lambda: cluster.server.services.keyring.current.kid == signing)
    refresh = {"refresh_token": alice.tokens["refresh_token"]}
    token = clients[0].post("/v1/auth/refresh", json=refresh).json()["access_token"]
    assert jwt.get_unverified_header(token)["kid"] == signing
    for client in clients:
        assert client.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        client.close()
