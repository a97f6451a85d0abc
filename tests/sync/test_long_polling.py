"""Long polls: a pull that waits is answered by the next change, and holds no connection to the database."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx2 as httpx
import pytest

from tests.conftest import Servers
from tests.hostile.raw import RawConnection, request_bytes
from tests.refusals import pointers
from tests.serving import Person, Server
from tests.sync.sync_client import CHANGES, SESSION, Json, SyncClient, delete, upsert
from tests.waiting import wait_until


class Polling:
    """Sends long polls as one person, each in a thread."""

    def __init__(self, server: Server, person: Person, threads: ThreadPoolExecutor) -> None:
        self._server, self._person, self._threads = server, person, threads

    def begin(self, since: object, wait: int = 30, **query: object) -> "Future[httpx.Response]":
        """Start a poll; return its response to come once the server has subscribed it."""
        before = self.waiting
        params = {"since": str(since), "wait": str(wait), **{name: str(value) for name, value in query.items()}}
        client = self._server.client(self._person.token)
        answer = self._threads.submit(client.get, CHANGES, params=params)
        wait_until(lambda: self.waiting > before)
        return answer

    @property
    def waiting(self) -> int:
        """The number of polls of the person that this server has subscribed."""
        return self._server.db.notifier.subscribers(self._person.id)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as threads:
        yield threads


@pytest.fixture
def polling(server: Server, alice: Person, threads: ThreadPoolExecutor) -> Polling:
    return Polling(server, alice, threads)


def page_of(answer: "Future[httpx.Response]") -> Json:
    response = answer.result()
    assert response.status_code == 200, response.text
    page: Json = response.json()
    return page


def test_a_pull_with_changes_does_not_wait(sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    for query in ({}, {"limit": 1}, {"collections": "intentions"}):
        page = sync.pull_page(0, wait=30, **query)
        assert [change["id"] for change in page["changes"]] == [record["id"]]


def test_a_poll_is_answered_by_the_next_change_of_any_kind(sync: SyncClient, polling: Polling) -> None:
    _, cursor = sync.pull()
    answer = polling.begin(cursor)
    record = sync.push_applied(upsert())
    page = page_of(answer)
    assert [change["record"] for change in page["changes"]] == [record]
    assert (page["cursor"], page["has_more"]) == (str(record["version"]), False)
    answer = polling.begin(page["cursor"])
    sync.push_one(delete(record))
    assert [change["deleted"] for change in page_of(answer)["changes"]] == [True]
    assert polling.waiting == 0


def test_a_poll_without_changes_is_answered_with_an_empty_page(sync: SyncClient) -> None:
    _, cursor = sync.pull()
    for _ in range(2):
        page = sync.pull_page(cursor, wait=1)
        assert page == {"changes": [], "cursor": cursor, "has_more": False}


def test_a_poll_of_some_collections_waits_for_a_change_in_them(sync: SyncClient, polling: Polling) -> None:
    _, cursor = sync.pull()
    answer = polling.begin(cursor, collections="sessions")
    for _ in range(5):
        sync.push_applied(upsert())
    assert not answer.done()
    session = sync.push_applied(upsert("sessions", set=SESSION))
    page = page_of(answer)
    assert [change["version"] for change in page["changes"]] == [session["version"]] == [int(page["cursor"])]
    answer = polling.begin(page["cursor"], wait=1, collections="sessions")
    reflection = sync.push_applied(upsert())
    assert page_of(answer) == {"changes": [], "cursor": str(reflection["version"]), "has_more": False}


def test_another_accounts_changes_answer_no_poll(sync: SyncClient, bob: Person, polling: Polling) -> None:
    _, cursor = sync.pull()
    answer = polling.begin(cursor, wait=1)
    SyncClient(bob).push_applied(upsert())
    assert page_of(answer)["changes"] == []


def test_a_device_that_is_signed_out_during_a_poll_gets_401(alice: Person, sync: SyncClient, polling: Polling) -> None:
    _, cursor = sync.pull()
    answer = polling.begin(cursor, wait=1)
    assert alice.client.post("/v1/auth/logout").status_code == 204
    assert answer.result().status_code == 401


@pytest.mark.parametrize("wait", ["31", "-1", "+1", "1.0", "1e1", "", " 1", "true", "wisteria", "\u0661", "9" * 400])
def test_wait_is_0_to_30_whole_seconds(alice: Person, wait: str) -> None:
    refused = alice.client.get(CHANGES, params={"wait": wait})
    assert (refused.status_code, pointers(refused)) == (422, ["/wait"])


def test_a_closed_connection_ends_its_subscription(
    server: Server, alice: Person, sync: SyncClient, polling: Polling
) -> None:
    _, cursor = sync.pull()
    bearer = [("Authorization", f"Bearer {alice.token}")]
    with RawConnection(server.address) as connection:
        connection.send_bytes(request_bytes("GET", f"{CHANGES}?since={cursor}&wait=30", bearer))
        wait_until(lambda: polling.waiting == 1)
    wait_until(lambda: polling.waiting == 0)


def test_polls_of_one_account_are_limited(servers: Servers, database: str, threads: ThreadPoolExecutor) -> None:
    server = servers.shared(database, max_waiting_each=2)
    alice = server.person("alice")
    sync, polling = SyncClient(alice), Polling(server, alice, threads)
    _, cursor = sync.pull()
    answers = [polling.begin(cursor) for _ in range(2)]
    refused = alice.client.get(CHANGES, params={"since": cursor, "wait": 30})
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-waiting")
    assert sync.pull_page(cursor)["changes"] == []
    record = sync.push_applied(upsert())
    assert [page_of(answer)["cursor"] for answer in answers] == [str(record["version"])] * 2
    server.end_test()


def test_polls_hold_no_connection_to_the_database(servers: Servers, threads: ThreadPoolExecutor) -> None:
    server = servers.start(servers.settings("postgresql", database_pool=1, pool_seconds=5))
    alice = server.person("alice")
    sync, polling = SyncClient(alice), Polling(server, alice, threads)
    _, cursor = sync.pull()
    answers = [polling.begin(cursor) for _ in range(10)]
    for _ in range(5):
        assert sync.pull_page(cursor)["changes"] == []
    record = sync.push_applied(upsert())
    assert [page_of(answer)["cursor"] for answer in answers] == [str(record["version"])] * 10
    server.end_test()
