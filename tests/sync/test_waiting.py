"""Long polls: a pull that waits answers as soon as there is a change, and costs nothing while there is none."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx2 as httpx
import pytest

from tests.conftest import Servers
from tests.hostile.raw import Line, request
from tests.refusals import pointers
from tests.serving import Person, Server
from tests.sync.phone import CHANGES, SESSION, Json, Phone, delete, upsert
from tests.waiting import awaited


class Polling:
    """Somebody who pulls and waits, in a thread of their own."""

    def __init__(self, server: Server, person: Person, threads: ThreadPoolExecutor) -> None:
        self._server, self._person, self._threads = server, person, threads

    def begin(self, since: object, wait: int = 30, **query: object) -> "Future[httpx.Response]":
        """Begin to wait; return once the server knows."""
        before = self.waiting
        params = {"since": str(since), "wait": str(wait), **{name: str(value) for name, value in query.items()}}
        client = self._server.client(self._person.token)
        answer = self._threads.submit(client.get, CHANGES, params=params)
        awaited(lambda: self.waiting > before)
        return answer

    @property
    def waiting(self) -> int:
        """How many of the person's wait at this server."""
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


def test_where_there_is_a_change_already_nobody_waits(phone: Phone) -> None:
    record = phone.applied(upsert())
    for query in ({}, {"limit": 1}, {"collections": "intentions"}):
        page = phone.page(0, wait=30, **query)
        assert [change["id"] for change in page["changes"]] == [record["id"]]


def test_whoever_waits_is_answered_by_the_next_change_whichever_it_is(phone: Phone, polling: Polling) -> None:
    _, cursor = phone.pull()
    answer = polling.begin(cursor)
    record = phone.applied(upsert())
    page = page_of(answer)
    assert [change["record"] for change in page["changes"]] == [record]
    assert (page["cursor"], page["has_more"]) == (str(record["version"]), False)
    answer = polling.begin(page["cursor"])
    phone.one(delete(record))
    assert [change["deleted"] for change in page_of(answer)["changes"]] == [True]
    assert polling.waiting == 0


def test_once_the_time_is_out_the_page_is_empty(phone: Phone) -> None:
    _, cursor = phone.pull()
    for _ in range(2):
        page = phone.page(cursor, wait=1)
        assert page == {"changes": [], "cursor": cursor, "has_more": False}


def test_a_pull_of_some_collections_waits_for_a_change_of_theirs(phone: Phone, polling: Polling) -> None:
    _, cursor = phone.pull()
    answer = polling.begin(cursor, collections="sessions")
    for _ in range(5):
        phone.applied(upsert())
    assert not answer.done()
    session = phone.applied(upsert("sessions", set=SESSION))
    page = page_of(answer)
    assert [change["version"] for change in page["changes"]] == [session["version"]] == [int(page["cursor"])]
    answer = polling.begin(page["cursor"], wait=1, collections="sessions")
    reflection = phone.applied(upsert())
    assert page_of(answer) == {"changes": [], "cursor": str(reflection["version"]), "has_more": False}


def test_nobody_is_answered_by_what_somebody_else_writes(phone: Phone, bob: Person, polling: Polling) -> None:
    _, cursor = phone.pull()
    answer = polling.begin(cursor, wait=1)
    Phone(bob).applied(upsert())
    assert page_of(answer)["changes"] == []


def test_a_device_that_is_signed_out_while_it_waits_is_refused(alice: Person, phone: Phone, polling: Polling) -> None:
    _, cursor = phone.pull()
    answer = polling.begin(cursor, wait=1)
    assert alice.client.post("/v1/auth/logout").status_code == 204
    assert answer.result().status_code == 401


@pytest.mark.parametrize("wait", ["31", "-1", "+1", "1.0", "1e1", "", " 1", "true", "wisteria", "\u0661", "9" * 400])
def test_nobody_waits_otherwise_than_0_to_30_whole_seconds(alice: Person, wait: str) -> None:
    refused = alice.client.get(CHANGES, params={"wait": wait})
    assert (refused.status_code, pointers(refused)) == (422, ["/wait"])


def test_who_hangs_up_leaves_nothing_behind(server: Server, alice: Person, phone: Phone, polling: Polling) -> None:
    _, cursor = phone.pull()
    bearer = [("Authorization", f"Bearer {alice.token}")]
    with Line(server.address) as line:
        line.speak(request("GET", f"{CHANGES}?since={cursor}&wait=30", bearer))
        awaited(lambda: polling.waiting == 1)
    awaited(lambda: polling.waiting == 0)


def test_one_person_waits_only_so_often_at_once(servers: Servers, database: str, threads: ThreadPoolExecutor) -> None:
    server = servers.shared(database, max_waiting_each=2)
    alice = server.person("alice")
    phone, polling = Phone(alice), Polling(server, alice, threads)
    _, cursor = phone.pull()
    answers = [polling.begin(cursor) for _ in range(2)]
    refused = alice.client.get(CHANGES, params={"since": cursor, "wait": 30})
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-waiting")
    assert phone.page(cursor)["changes"] == []
    record = phone.applied(upsert())
    assert [page_of(answer)["cursor"] for answer in answers] == [str(record["version"])] * 2
    server.end_test()


def test_whoever_waits_holds_no_connection_to_the_database(servers: Servers, threads: ThreadPoolExecutor) -> None:
    server = servers.start(servers.settings("postgresql", database_pool=1, pool_seconds=5))
    alice = server.person("alice")
    phone, polling = Phone(alice), Polling(server, alice, threads)
    _, cursor = phone.pull()
    answers = [polling.begin(cursor) for _ in range(10)]
    for _ in range(5):
        assert phone.page(cursor)["changes"] == []
    record = phone.applied(upsert())
    assert [page_of(answer)["cursor"] for answer in answers] == [str(record["version"])] * 10
    server.end_test()
