"""Progress of long commands: a bar at a terminal, otherwise a line every ten seconds."""

import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import typer

SECONDS_BETWEEN_LINES: Final = 10.0


async def with_progress(name: str, steps: AsyncIterator[int], total: int | None = None) -> int:
    """Run `steps`, show the progress, and return the number of processed items.

    `steps` yields the number of items that each step has processed. `total` is the expected number of items, if known.
    """
    done = 0
    with (_bar if sys.stdout.isatty() else _lines)(name, total) as show:
        async for more in steps:
            done += more
            show(done)
    return done


@contextmanager
def _bar(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    with Progress(TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()) as progress:
        task = progress.add_task(name, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def _lines(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    printed_at = time.monotonic()

    def show(done: int) -> None:
        nonlocal printed_at
        if time.monotonic() - printed_at >= SECONDS_BETWEEN_LINES:
            printed_at = time.monotonic()
            typer.echo(f"{name}: {done}" + ("" if total is None else f" of {total}"))

    yield show
