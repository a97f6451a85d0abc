"""Progress of long work: drawn at a terminal, and otherwise a plain line now and then."""

import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import typer

SECONDS_BETWEEN_LINES: Final = 10.0


async def counted(name: str, steps: AsyncIterator[int], total: int | None = None) -> int:
    """Carry out the steps, showing how much of the total is done; return how much it was."""
    done = 0
    with (_drawn if sys.stdout.isatty() else _told)(name, total) as show:
        async for more in steps:
            done += more
            show(done)
    return done


@contextmanager
def _drawn(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    with Progress(TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()) as progress:
        task = progress.add_task(name, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def _told(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    said_at = time.monotonic()

    def show(done: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= SECONDS_BETWEEN_LINES:
            said_at = time.monotonic()
            typer.echo(f"{name}: {done}" + ("" if total is None else f" of {total}"))

    yield show
