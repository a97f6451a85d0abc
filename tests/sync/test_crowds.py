"""A crowd that waits: each of them is told, and everybody else is served as ever."""

import asyncio

from tests.hostile.raw import request
from tests.parallel import at_once
from tests.serving import Person, Server
from tests.sync.following import EVENTS
from tests.sync.phone import Phone, upsert
from tests.waiting import awaited

PEOPLE = 15
DEVICES = 20
SECONDS = 20
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def opened(server: Server, person: Person) -> Connection:
    """Follow the stream of events, over a connection of its own."""
    connection = await asyncio.open_connection(*server.address)
    connection[1].write(request("GET", EVENTS, [("Authorization", f"Bearer {person.token}")]))
    return connection


async def told(connection: Connection, head: int) -> None:
    """Wait until the event of a head comes."""
    async with asyncio.timeout(SECONDS):
        await connection[0].readuntil(b'data: {"cursor":"%d"}\n\n' % head)


def head_of(person: Person) -> int:
    return int(person.client.get("/v1/sync").json()["cursor"])


def test_three_hundred_wait_while_everybody_is_served(server: Server) -> None:
    people = [server.person(f"person {number}") for number in range(PEOPLE)]

    async def crowd() -> None:
        streams = {}
        for person in people:
            head = await asyncio.to_thread(head_of, person)
            streams[person.id] = [await opened(server, person) for _ in range(DEVICES)]
            await asyncio.gather(*(told(stream, head) for stream in streams[person.id]))
        assert [server.db.notifier.subscribers(person.id) for person in people] == [DEVICES] * PEOPLE
        records = await asyncio.to_thread(at_once, lambda number: Phone(people[number]).applied(upsert()), PEOPLE)
        for person, record in zip(people, records, strict=True):
            await asyncio.gather(*(told(stream, record["version"]) for stream in streams[person.id]))
            assert await asyncio.to_thread(head_of, person) == record["version"]
        for _, writer in (stream for each in streams.values() for stream in each):
            writer.close()

    asyncio.run(crowd())
    awaited(lambda: not any(server.db.notifier.subscribers(person.id) for person in people))
    assert server.anyone.get("/readyz").status_code == 200
