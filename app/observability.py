"""Logging: one JSON line per request or event, on standard error.

A line never contains text that a user wrote, an e-mail address, a token or a URL as it was sent. So an exception is
logged with its class and its stack frames, but without its message, because database drivers quote rows in messages.
Only the first line of a library's log message is kept, because the following lines quote errors.

Request lines are printed in batches (decision 030). A server that is killed loses the request lines of its last 20 ms.
"""

import asyncio
import logging
import logging.config
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

import orjson

from app import clock

FLUSH_SECONDS: Final = 0.02
SINKS: Final[list[Callable[[str], None]]] = []
"""The functions that are called with each log line. A worker adds `enqueue`. If there is none, nothing is logged."""


_pending: deque[str] = deque()


def enqueue(line: str) -> None:
    """Queue a line for the next `flush`, which prints many at once: writing one line costs more than formatting it."""
    _pending.append(f"{line}\n")


def flush() -> None:
    """Print the pending lines on standard error. Ignore errors, because standard error may be closed."""
    lines = []
    with suppress(IndexError):  # another thread took the last line
        while _pending:
            lines.append(_pending.popleft())
    with suppress(OSError, ValueError):
        sys.stderr.write("".join(lines))
        sys.stderr.flush()


class JsonLine(logging.Formatter):
    """Formats a library's log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a log record as a line of JSON."""
        fields: dict[str, object] = {"message": record.getMessage().partition("\n")[0]}
        if record.exc_info and record.exc_info[1]:
            fields |= _exception_fields(record.exc_info[1])
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
    """Log that a request was answered. The line is printed within `FLUSH_SECONDS`, together with other lines."""
    _log("info", "afterglow.requests", fields)
    if len(_pending) == 1:
        asyncio.get_running_loop().call_later(FLUSH_SECONDS, flush)


def log_exception(error: BaseException, request_id: str) -> None:
    """Log an unexpected exception in a request as the event `crashed`, and print the line at once."""
    log_event("crashed", "error", request_id=request_id, **_exception_fields(error))


def log_event(event: str, level: str = "info", **fields: object) -> None:
    """Log an event, and print the line at once. `level` is `info`, `warning` or `error`.

    The caller must not pass text that a user wrote.
    """
    _log(level, "afterglow.events", {"event": event, **fields})
    flush()


def log_events(event: str, lines: Iterable[Mapping[str, object]]) -> None:
    """Log an event several times, with the fields of each line, and print all lines at once."""
    for fields in lines:
        _log("info", "afterglow.events", {"event": event, **fields})
    flush()


def log_audit(event: str, level: str, **fields: object) -> None:
    """Log a security event, and print the line at once."""
    for sink in SINKS:
        sink(audit_line(event, level, **fields))
    flush()


def audit_line(event: str, level: str, **fields: object) -> str:
    """Return the line of a security event. Only these lines have the logger `afterglow.audit`."""
    return _line(level, "afterglow.audit", {"event": event, **fields})


def _log(level: str, logger: str, fields: dict[str, object]) -> None:
    line = _line(level, logger, fields)
    for sink in SINKS:
        sink(line)


def _line(level: str, logger: str, fields: dict[str, object]) -> str:
    line = {"time": clock.now(), "level": level, "logger": logger, **fields}
    return orjson.dumps(line, str, orjson.OPT_UTC_Z).decode()


def _exception_fields(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "trace": [f"{frame.name}:{frame.lineno}" for frame in frames]}
