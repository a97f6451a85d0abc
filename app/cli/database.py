"""Running a command's work on the database."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from app.cli.errors import fail
from app.db import Database, open_database
from app.problems import Problem
from app.settings import Settings

T = TypeVar("T")

_NO_DATABASE: Final = (
    "the database does not answer, or has no schema yet: check AFTERGLOW_DATABASE_URL, or run `afterglow migrate`"
)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine and return its result; exit with an error line if the database does not answer."""
    try:
        return asyncio.run(work)
    except Problem:
        fail(_NO_DATABASE)


async def with_database(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Open the database of the settings, run the work with it, close it, and return the work's result."""
    db = open_database(settings)
    await db.open()
    try:
        return await work(db)
    finally:
        await db.close()
