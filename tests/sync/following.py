"""Somebody who follows the stream of events, and what they hear."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.witness import Client

Json = dict[str, Any]
EVENTS = "/v1/sync/events"
SECONDS = 20


class Following:
    """A stream that is being read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def next(self) -> Json | None:
        """Return the next event; None where it is a comment."""
        members: dict[str, str] = {}
        for line in self._lines:
            if not line:
                break
            name, _, value = line.partition(":")
            assert name not in members
            members[name] = value.removeprefix(" ")
        else:
            raise StopIteration
        if members == {"": ""}:
            return None
        event: Json = members | {"data": json.loads(members["data"])}
        assert event == {"id": str(event["data"]["cursor"]), "event": "head", "data": event["data"]}
        return event

    def head(self) -> int:
        """Return the head that the next event tells of."""
        while (event := self.next()) is None:
            pass
        return int(event["data"]["cursor"])

    def ends(self) -> bool:
        """Say whether nothing but comments comes any more, until the stream ends as it should."""
        try:
            while self.next() is None:
                pass
        except StopIteration:
            return True
        return False


@contextmanager
def following(client: Client, last_event_id: str | None = None) -> Iterator[Following]:
    """Follow the stream of events in the block."""
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    with client.stream("GET", EVENTS, headers=headers, timeout=SECONDS) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store, no-transform"
        yield Following(response.iter_lines())
