"""How commands print values: as text for people, or as JSON."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import typer

from app import json_strict, observability
from app.clock import format_instant


def printable(value: object) -> str:
    """Return a value as text, without the control characters that a terminal would execute; each is replaced by �."""
    text = format_instant(value) if isinstance(value, datetime) else str(value)
    return "".join(char if char.isprintable() else "�" for char in text)


@contextmanager
def print_log_lines() -> Iterator[None]:
    """Print log lines on standard error inside the `with` block, as a server does."""
    observability.SINKS.append(observability.enqueue)
    try:
        yield
    finally:
        observability.SINKS.remove(observability.enqueue)


def print_json(value: dict[str, Any]) -> None:
    """Print a value as one line of JSON."""
    typer.echo(json_strict.dump_text(value))
