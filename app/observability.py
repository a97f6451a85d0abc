"""What the server says of itself: one JSON line for each event, on the standard error.

A line never holds what somebody wrote, an e-mail address, a token or an address as it was typed. So a crash is told by
the kind of the error and the lines of code it passed, without its message: drivers quote rows in theirs. Of what
libraries say only the first line is told, since the lines below quote errors. A server that is killed takes the lines of its
last moment with it.
"""

import asyncio
import logging
import logging.config
import sys
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import orjson

from app import clock

MOMENT_SECONDS: Final = 0.02
SINKS: Final[list[Callable[[str], None]]] = []
"""Who is told each line; nobody, unless a server serves."""


_to_print: deque[str] = deque()


def enqueue(line: str) -> None:
    """Print a line on the standard error with the next flush: to write each by itself costs more than to make it."""
    _to_print.append(f"{line}\n")


def flush() -> None:
    """Print what was said so far, if anybody is there to read it."""
    lines = []
    with suppress(IndexError):  # another thread was quicker
        while _to_print:
            lines.append(_to_print.popleft())
    with suppress(OSError, ValueError):
        sys.stderr.write("".join(lines))
        sys.stderr.flush()


class JsonLine(logging.Formatter):
    """Formats what a library logs as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields: dict[str, object] = {"message": record.getMessage().partition("\n")[0]}
        if record.exc_info and record.exc_info[1]:
            fields |= _told(record.exc_info[1])
        return _line(record.levelname.lower(), record.name, fields)


LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLine}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {"uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}


def log_request(**fields: object) -> None:
    """Say that a request was answered; lines of one moment are printed together."""
    _say("info", "afterglow.requests", fields)
    if len(_to_print) == 1:
        asyncio.get_running_loop().call_later(MOMENT_SECONDS, flush)


def log_exception(error: BaseException, request_id: str) -> None:
    """Say that a request met an error that nobody expected."""
    _say("error", "afterglow.events", {"event": "crashed", "request_id": request_id, **_told(error)})
    flush()


def log_event(event: str, **fields: object) -> None:
    """Say that something worth knowing happened."""
    _say("info", "afterglow.events", {"event": event, **fields})
    flush()


def _say(level: str, source: str, fields: dict[str, object]) -> None:
    line = _line(level, source, fields)
    for tell in SINKS:
        tell(line)


def _line(level: str, source: str, fields: dict[str, object]) -> str:
    line = {"time": clock.now(), "level": level, "logger": source, **fields}
    return orjson.dumps(line, str, orjson.OPT_UTC_Z).decode()


def _told(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "trace": [f"{frame.name}:{frame.lineno}" for frame in frames]}
