"""What a server logged, and whether it tells what nobody may read there."""

import logging

from app.observability import JsonLine

MARK = "wisteria"
"""A word that every written text in the suite carries, and no log line may."""


class Lines(logging.Handler):
    """Keeps every log line."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLine())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line as the server would print it."""
        self.lines.append(self.format(record))


def telling(lines: list[str]) -> list[str]:
    """Return the lines that tell what somebody wrote, an address, or a token."""
    return [line for line in lines if any(mark in line for mark in (MARK, "@example.com", "eyJ"))]
