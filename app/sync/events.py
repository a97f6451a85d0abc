"""Events: an event stream sends the feed's head at once and after every change (HTML standard, section 9.2)."""

from collections.abc import AsyncGenerator
from typing import Final

from starlette.responses import Response

from app import json_strict
from app.http import ClientConnection
from app.problems import NotSignedIn, Unavailable
from app.records.view import View
from app.sync import pull
from app.sync.waiting import waiting

HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]
"""The headers of an event stream. No proxy may compress or buffer it, so that each event arrives at once."""
_COMMENT: Final = b":\n\n"


class EventStream(Response):
    """The response class of an event stream, for the OpenAPI document."""

    media_type = "text/event-stream"


async def events(view: View, reader: ClientConnection, seen: str | None) -> AsyncGenerator[bytes]:
    """Yield an event with the feed's head, unless `seen` is this head, and then an event for every new head.

    Yield a comment instead of an event if a read of the feed finds no new head, or if the database is unavailable. The
    stream ends when the device is signed out, or when the waiting ends.
    """
    async with waiting(view.caller.services, view.owner_id, reader, is_stream=True) as waiter:
        sent = await pull.version(view)
        yield _COMMENT if str(sent) == seen else event(sent)
        while await waiter.wait():
            try:
                if not await view.caller.is_signed_in():
                    return
                head = await pull.version(view)
            except (Unavailable, NotSignedIn):  # if the account has just been erased, the next read ends the stream
                head = sent
            yield _COMMENT if head == sent else event(head)
            sent = head


def event(head: int) -> bytes:
    """Return the event that announces a head."""
    return b"id: %d\nevent: head\ndata: %b\n\n" % (head, json_strict.dump({"cursor": str(head)}))
