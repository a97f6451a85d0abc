"""Writes a complete response with one call of the transport.

uvicorn has a `RequestResponseCycle` for each request. Its `send` writes a response in parts and checks each header
separately, which takes as long as all our own code for reading a record. The functions here leave the cycle in the same
state as `send` does.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from app.http.response import Header, header_lines

MAX_COPIED_BYTES: Final = 64 * 1024
"""A body of this size or more is written by a second call, which is faster than copying it behind the headers."""


async def write_response(cycle: RequestResponseCycle, status: int, headers: list[Header], body: bytes) -> None:
    """Write a response, or nothing if the client has disconnected.

    Do not wait until the client has read the response: the next request of the connection waits for that.
    Raise `ValueError` if a header contains a line break, because its value could add another header.
    """
    if cycle.disconnected:
        return
    every = [*cycle.default_headers, *headers]
    head = header_lines(every)
    if head.count(b"\n") != len(every):
        raise ValueError
    closing = b"" if cycle.keep_alive else b"connection: close\r\n"
    head = b"%b%b%b\r\n" % (STATUS_LINE[status], head, closing)
    if cycle.scope["method"] == "HEAD":
        cycle.transport.write(head)
    elif len(body) < MAX_COPIED_BYTES:
        cycle.transport.write(head + body)
    else:
        cycle.transport.write(head)
        cycle.transport.write(body)
    _end(cycle)


def write_prebuilt(cycle: RequestResponseCycle, content: bytes) -> None:
    """Write the bytes of a complete response, or nothing if the client has disconnected."""
    if not cycle.disconnected:
        cycle.transport.write(content)
        _end(cycle)


def _end(cycle: RequestResponseCycle) -> None:
    """Mark the response as complete, as uvicorn's `send` does after the last part of a response."""
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
    if not (cycle.keep_alive or cycle.more_body):  # if the body is still arriving, the protocol closes with a delay
        cycle.transport.close()
    cycle.on_response()
