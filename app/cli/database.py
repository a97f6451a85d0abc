"""Work on the database, from the command line."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from app.cli.ending import fail
from app.db import Database, open_database
from app.problems import Problem
from app.settings import Settings

T = TypeVar("T")

_NO_DATABASE: Final = (
    "the database does not answer, or has no schema yet: see AFTERGLOW_DATABASE_URL, or run `afterglow migrate`"
)


def carried_out(work: Coroutine[Any, Any, T]) -> T:
    """Carry out work on the database, or end where it does not answer."""
    try:
        return asyncio.run(work)
    except Problem:
        fail(_NO_DATABASE)


async def over(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Return what the work returns, carried out over the settings' database."""
    db = open_database(settings)
    await db.open()
    try:
        return await work(db)
    finally:
        await db.close()
