"""Checks before the API is served: of the database, and of the operator's own files of instruments and helplines."""

import asyncio
import itertools
from functools import partial
from typing import Final, NoReturn

import typer

from app import clock
from app.cli.database import with_database
from app.cli.errors import EXIT_CONFIG, fail
from app.db import Database
from app.db.readiness import NOT_MIGRATED, find_failure
from app.keyring import Keyring
from app.library import Library
from app.problems import Failure
from app.sealing.rewrapping import one_used_key
from app.settings import Environment, Settings

OTHER_KEYRING: Final = Failure(
    "other-keyring",
    "the keyring does not have the key that the records of this database are sealed with: set AFTERGLOW_KEYRING to the "
    "keyring that belongs to the database",
    is_configuration=True,
)


def find_database_failure(settings: Settings) -> Failure | None:
    """Return why the database of the settings cannot be used, or not with their keyring; None if it can be used."""
    return asyncio.run(with_database(settings, partial(_find_failure, settings)))


async def _find_failure(settings: Settings, db: Database) -> Failure | None:
    failure = await find_failure(db)
    if failure is not None:
        return failure
    used = await one_used_key(db)
    if used is None:  # a new database, which any keyring fits
        return None
    is_known = settings.keyring.exists() and used in Keyring(settings.keyring).sealing_keys
    return None if is_known else OTHER_KEYRING


def fail_for(failure: Failure) -> NoReturn:
    """Print the message of a database failure as an error line. Exit with `EXIT_CONFIG` for a wrong setting, else 1."""
    fail(failure.message, EXIT_CONFIG if failure.is_configuration else 1)


def check_database(settings: Settings) -> None:
    """Exit with an error line if the database cannot be used. If it only has to be migrated, print a warning.

    In that case the server starts, and `/readyz` reports that it is not ready until the database is migrated.
    """
    failure = find_database_failure(settings)
    if failure is None:
        return
    if failure.reason != NOT_MIGRATED.reason:
        fail_for(failure)
    typer.echo(f"afterglow: not ready: {failure.message}", err=True)


def check_library(settings: Settings) -> None:
    """If the operator's files of instruments and helplines have faults, print a line for each fault, and exit.

    In production, also print a warning for each region with helplines that the operator has not checked in the last 365
    days. The warning names the helplines, but not their telephone numbers.
    """
    library = Library.from_settings(settings)
    faults = library.faults()
    if faults:
        fail("not safe to start:\n" + "\n".join(f"- {line}" for line in faults), EXIT_CONFIG)
    if settings.env is not Environment.PRODUCTION:
        return
    unchecked = library.help.unchecked(clock.now().date())
    for region, lines in itertools.groupby(unchecked, lambda each: each.region):
        names = ", ".join(line.name for line in lines)
        typer.echo(
            f"afterglow: warning: helplines of {region} were not checked in the last 365 days: {names}. Check them, and set "
            "checked_on in the file that AFTERGLOW_HELP names",
            err=True,
        )
