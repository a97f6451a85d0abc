"""Log lines, and the check that they contain nothing private."""

import logging

from app.observability import JsonLine

MARK = "wisteria"
"""A word that all texts of people in the tests contain, and that no log line may contain."""


class LogHandler(logging.Handler):
    """Collects all log lines."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLine())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line, in the format in which the server prints it."""
        self.lines.append(self.format(record))


def private_lines(lines: list[str]) -> list[str]:
    """Return the lines that contain a person's text, an e-mail address or a token."""
    return [line for line in lines if any(mark in line for mark in (MARK, "@example.com", "eyJ"))]
