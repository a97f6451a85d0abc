"""A server that stops answers its long polls as at their timeout, ends its event streams, and exits."""

import json
from contextlib import ExitStack

import pytest

from tests.conftest import Servers
from tests.hostile.raw import RawConnection, request_bytes
from tests.house.commands import running_server, terminate
from tests.sync.event_stream import open_event_stream
from tests.sync.sync_client import CHANGES
from tests.witness import Client

SHARED_SETTINGS = ("database_url", "keyring", "pool_seconds")
POLLS, LATER_REQUESTS = 5, 20


@pytest.mark.parametrize(("database", "workers"), [("sqlite", "1"), ("postgresql", "1"), ("postgresql", "2")])
def test_polls_are_answered_and_streams_end_when_the_server_stops(
    servers: Servers, database: str, workers: str
) -> None:
    server = servers.shared(database)
    alice = server.person("alice")
    environment = {name: str(getattr(server.settings, name)) for name in SHARED_SETTINGS}
    head = alice.client.get("/v1/sync").json()["cursor"]
    bearer = [("Authorization", f"Bearer {alice.token}")]
    with running_server("--workers", workers, **environment) as (url, process), ExitStack() as stack:
        host, _, port = url.removeprefix("http://").partition(":")
        connections = [stack.enter_context(RawConnection((host, int(port)))) for _ in range(POLLS + LATER_REQUESTS)]
        waiting, others = connections[:POLLS], connections[POLLS:]
        for connection in waiting:
            connection.send_bytes(request_bytes("GET", f"{CHANGES}?since={head}&wait=30", bearer))
        client = stack.enter_context(Client(url, alice.token))
        stream = stack.enter_context(open_event_stream(client))
        assert str(stream.next_head()) == head
        for other in others:  # the requests before these are waiting by now
            assert other.request("GET", "/v1/me", bearer).status == 200
        result = terminate(process)
        assert stream.ends()
        for connection in waiting:
            reply = connection.read_response()
            assert reply.status == 200
            assert json.loads(reply.body) == {"changes": [], "cursor": head, "has_more": False}
    assert result.status == 0
    assert "Cancel" not in result.err
    assert "Traceback" not in result.err
    server.end_test()
