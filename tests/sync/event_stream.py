"""Reads the event stream of sync."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.witness import Client

Json = dict[str, Any]
EVENTS = "/v1/sync/events"
SECONDS = 20


class EventStream:
    """An open event stream."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def next_event(self) -> Json | None:
        """Return the next event, or None if a comment comes next; raise `StopIteration` at the end of the stream."""
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

    def next_head(self) -> int:
        """Return the head in the next event; skip comments."""
        while (event := self.next_event()) is None:
            pass
        return int(event["data"]["cursor"])

    def ends(self) -> bool:
        """Read to the end of the stream; return whether only comments came, and False at the first event."""
        try:
            while self.next_event() is None:
                pass
        except StopIteration:
            return True
        return False


@contextmanager
def open_event_stream(client: Client, last_event_id: str | None = None) -> Iterator[EventStream]:
    """Open the event stream for the block."""
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    with client.stream("GET", EVENTS, headers=headers, timeout=SECONDS) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store, no-transform"
        yield EventStream(response.iter_lines())
