"""Hundreds of open event streams: each gets its events, and other requests are served."""

import asyncio

from tests.hostile.raw import request_bytes
from tests.parallel import at_once
from tests.serving import Person, Server
from tests.sync.event_stream import EVENTS
from tests.sync.sync_client import SyncClient, upsert
from tests.waiting import wait_until

PEOPLE = 15
DEVICES = 20
SECONDS = 20
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_stream(server: Server, person: Person) -> Connection:
    """Open an event stream on a new connection."""
    connection = await asyncio.open_connection(*server.address)
    connection[1].write(request_bytes("GET", EVENTS, [("Authorization", f"Bearer {person.token}")]))
    return connection


async def wait_for_head(connection: Connection, head: int) -> None:
    """Wait for the event with this head."""
    async with asyncio.timeout(SECONDS):
        await connection[0].readuntil(b'data: {"cursor":"%d"}\n\n' % head)


def head_of(person: Person) -> int:
    return int(person.client.get("/v1/sync").json()["cursor"])


def test_three_hundred_streams_get_their_events_while_other_requests_are_served(server: Server) -> None:
    people = [server.person(f"person {number}") for number in range(PEOPLE)]

    async def open_all() -> None:
        streams = {}
        for person in people:
            head = await asyncio.to_thread(head_of, person)
            streams[person.id] = [await open_stream(server, person) for _ in range(DEVICES)]
            await asyncio.gather(*(wait_for_head(stream, head) for stream in streams[person.id]))
        assert [server.db.notifier.subscribers(person.id) for person in people] == [DEVICES] * PEOPLE
        records = await asyncio.to_thread(
            at_once, lambda number: SyncClient(people[number]).push_applied(upsert()), PEOPLE
        )
        for person, record in zip(people, records, strict=True):
            await asyncio.gather(*(wait_for_head(stream, record["version"]) for stream in streams[person.id]))
            assert await asyncio.to_thread(head_of, person) == record["version"]
        for _, writer in (stream for each in streams.values() for stream in each):
            writer.close()

    asyncio.run(open_all())
    wait_until(lambda: not any(server.db.notifier.subscribers(person.id) for person in people))
    assert server.anyone.get("/readyz").status_code == 200
