"""What the server says of itself: one JSON line for each event, on the standard error.

A line never holds what somebody wrote, an e-mail address, a token or an address as it was typed. So a crash is told by
the kind of the error and the lines of code it passed, without its message: drivers quote rows in theirs. Of what
libraries say only the first line is told, since the lines below quote errors.
"""

import logging
import logging.config
import traceback
from typing import Any, Final

from app import clock, json

REQUESTS: Final = logging.getLogger("afterglow.requests")
EVENTS: Final = logging.getLogger("afterglow.events")


class JsonLine(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = record.msg if isinstance(record.msg, dict) else {"message": record.getMessage().partition("\n")[0]}
        line = {"time": clock.spelled(clock.now()), "level": record.levelname.lower(), "logger": record.name, **fields}
        if record.exc_info and record.exc_info[1]:
            line |= _told(record.exc_info[1])
        return json.write(line).decode()


LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLine}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {
        "afterglow": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}


def request_served(**fields: object) -> None:
    """Say that a request was answered."""
    REQUESTS.info(fields)


def crashed(error: BaseException, request_id: str) -> None:
    """Say that a request met an error that nobody expected."""
    EVENTS.error({"event": "crashed", "request_id": request_id, **_told(error)})


def happened(event: str, **fields: object) -> None:
    """Say that something worth knowing happened."""
    EVENTS.info({"event": event, **fields})


def _told(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "trace": [f"{frame.name}:{frame.lineno}" for frame in frames]}
