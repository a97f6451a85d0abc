"""Running a command's work on the database."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from app.cli.errors import EXIT_CONFIG, fail
from app.db import Database, open_database
from app.db.readiness import UNREACHABLE
from app.problems import Failure, Problem
from app.settings import Settings

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine and return its result; exit with an error line if the database cannot be used."""
    try:
        return asyncio.run(work)
    except Problem as problem:
        failure: Failure = getattr(problem, "failure", None) or UNREACHABLE
        fail(failure.message, EXIT_CONFIG if failure.is_configuration else 1)


async def with_database(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Open the database of the settings, call `work` with it, close the database, and return the result of `work`."""
    db = open_database(settings)
    await db.open()
    try:
        return await work(db)
    finally:
        await db.close()
