"""How a command ends where it cannot do its work: with one clear line, and not with zero."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn, TypeVar

import typer
from pydantic import ValidationError

from app.db import Database, open_database
from app.problems import Problem
from app.settings import Settings

T = TypeVar("T")

UNSAFE: Final = 78
_NO_DATABASE: Final = (
    "the database does not answer, or has no schema yet: see AFTERGLOW_DATABASE_URL, or run `afterglow migrate`"
)


def fail(line: str, status: int = 1) -> NoReturn:
    """Say why, and end."""
    typer.echo(f"afterglow: {line}", err=True)
    raise typer.Exit(status)


def settings_now() -> Settings:
    """Return the settings, or end where they are not valid."""
    try:
        return Settings()
    except ValidationError as error:
        names = ", ".join(f"AFTERGLOW_{str(each['loc'][0]).upper()}" for each in error.errors())
        fail(f"these settings are not valid, see .env.example: {names}", UNSAFE)


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
