"""A server that stops lets go of who waits, as if the time were out, and ends at once."""

import json
from contextlib import ExitStack

import pytest

from tests.conftest import Servers
from tests.hostile.raw import Line, request
from tests.house.commands import running_server, terminate
from tests.sync.following import following
from tests.sync.phone import CHANGES
from tests.witness import Client

SAME = ("database_url", "keyring", "pool_seconds")
POLLS, ASKED_AFTER = 5, 20


@pytest.mark.parametrize(("database", "workers"), [("sqlite", "1"), ("postgresql", "1"), ("postgresql", "2")])
def test_polls_are_answered_and_streams_end_when_the_server_is_asked_to_stop(
    servers: Servers, database: str, workers: str
) -> None:
    server = servers.shared(database)
    alice = server.person("alice")
    environment = {name: str(getattr(server.settings, name)) for name in SAME}
    head = alice.client.get("/v1/sync").json()["cursor"]
    bearer = [("Authorization", f"Bearer {alice.token}")]
    with running_server("--workers", workers, **environment) as (url, process), ExitStack() as stack:
        host, _, port = url.removeprefix("http://").partition(":")
        lines = [stack.enter_context(Line((host, int(port)))) for _ in range(POLLS + ASKED_AFTER)]
        lines, others = lines[:POLLS], lines[POLLS:]
        for line in lines:
            line.speak(request("GET", f"{CHANGES}?since={head}&wait=30", bearer))
        client = stack.enter_context(Client(url, alice.token))
        stream = stack.enter_context(following(client))
        assert str(stream.head()) == head
        for other in others:  # whoever asked before them waits by now
            assert other.ask("GET", "/v1/me", bearer).status == 200
        said = terminate(process)
        assert stream.ends()
        for line in lines:
            reply = line.hear()
            assert reply.status == 200
            assert json.loads(reply.body) == {"changes": [], "cursor": head, "has_more": False}
    assert said.status == 0
    assert "Cancel" not in said.err
    assert "Traceback" not in said.err
    server.end_test()
