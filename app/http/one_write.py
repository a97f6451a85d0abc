"""Whole answers: the bytes of an answer that is complete, written at once.

uvicorn's cycle takes an answer part by part and looks every header over, which takes as long as all that is ours in
reading a record. What it keeps of a request's state is kept here just so.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from app.http.prebuilt import lines
from app.http.response import Header

LONG: Final = 64 * 1024
"""Bytes from which on a body is not copied behind its head."""
PROTOCOL_CYCLE: Final = "cycle"
"""In a request's state: the edge's cycle of it, which the front takes out: it knows the state, and what knows itself stays
in memory until somebody looks for garbage."""


def write_response(cycle: RequestResponseCycle, status: int, headers: list[Header], body: bytes) -> None:
    """Write an answer; nothing, where nobody is there any more. Raise `ValueError` where a header would be two."""
    if cycle.disconnected:
        return
    told = [*cycle.default_headers, *headers]
    head = lines(told)
    if head.count(b"\n") != len(told):
        raise ValueError
    closing = b"" if cycle.keep_alive else b"connection: close\r\n"
    head = b"%b%b%b\r\n" % (STATUS_LINE[status], head, closing)
    if cycle.scope["method"] == "HEAD":
        cycle.transport.write(head)
    elif len(body) < LONG:
        cycle.transport.write(head + body)
    else:
        cycle.transport.write(head)
        cycle.transport.write(body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
    if not (cycle.keep_alive or cycle.more_body):  # while its body is on its way, the edge lingers
        cycle.transport.close()
    cycle.on_response()
