"""Events: where the feed is, at once and whenever it moves, as a stream of server-sent events (HTML, section 9.2)."""

from collections.abc import AsyncGenerator
from typing import Final

from starlette.responses import Response

from app import json_strict
from app.http import ClientConnection
from app.problems import Unavailable
from app.records.view import View
from app.sync import pull
from app.sync.waiting import waiting

HEADERS: Final = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]
_COMMENT: Final = b":\n\n"


class EventStream(Response):
    """What FastAPI documents of the stream."""

    media_type = "text/event-stream"


async def events(view: View, reader: ClientConnection, seen: str | None) -> AsyncGenerator[bytes]:
    """Yield the head of the caller's feed, unless it was `seen`, and every new one; comments between, while all is quiet.

    A database that is away is quiet; a device that is signed in no more ends it.
    """
    async with waiting(view, reader) as waiter:
        sent = await pull.version(view)
        yield _COMMENT if str(sent) == seen else event(sent)
        while await waiter.rest():
            try:
                if not await view.caller.is_signed_in():
                    return
                head = await pull.version(view)
            except Unavailable:
                head = sent
            yield _COMMENT if head == sent else event(head)
            sent = head


def event(head: int) -> bytes:
    """Spell the event that the feed is at a head."""
    return b"id: %d\nevent: head\ndata: %b\n\n" % (head, json_strict.dump({"cursor": head}))
