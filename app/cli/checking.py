"""Checks the database before the API is served in production."""

import asyncio
from typing import NoReturn

import typer

from app.cli.database import with_database
from app.cli.errors import EXIT_CONFIG, fail
from app.db.readiness import NOT_MIGRATED, find_failure
from app.problems import Failure
from app.settings import Settings


def find_database_failure(settings: Settings) -> Failure | None:
    """Return why the database of the settings cannot be used; None if it can."""
    return asyncio.run(with_database(settings, find_failure))


def fail_for(failure: Failure) -> NoReturn:
    """Exit with the failure's message as the error line."""
    fail(failure.message, EXIT_CONFIG if failure.is_configuration else 1)


def check_database(settings: Settings) -> None:
    """Exit with an error line if the database cannot be used. Only warn if it has to be migrated.

    The server then starts, and `/readyz` reports that it is not ready until the database is migrated.
    """
    failure = find_database_failure(settings)
    if failure is None:
        return
    if failure.reason != NOT_MIGRATED.reason:
        fail_for(failure)
    typer.echo(f"afterglow: not ready: {failure.message}", err=True)
