"""Prepares the database before the API is served: migrations and demo data."""

from collections.abc import Callable
from functools import partial

import typer

from app import demo, starting
from app.cli import client_tokens
from app.cli.checking import check_library, fail_for, find_database_failure
from app.cli.database import run
from app.cli.errors import EXIT_CONFIG, fail, load_settings
from app.db import schema
from app.db.readiness import NOT_MIGRATED
from app.library import Library
from app.settings import Environment, Settings

cli = typer.Typer()


@cli.command()
def migrate() -> None:
    """Migrate the database to the current schema. Safe to run on several hosts at once."""
    _migrate(load_settings())
    typer.echo(f"The schema is at version {schema.HEAD}.")


def prepare(settings: Settings, url: str, *, wants_demo: bool) -> None:
    """Check the operator's files of instruments and helplines, migrate the database, and create the demo data.

    `url` is the URL at which this machine reaches the server, for the command that is printed with the demo data.
    Do only what is needed: the database is migrated only in development, and the demo data is created only if
    `wants_demo` is true. The work is done in a child process (decision 013).
    """
    has_files = Library.from_settings(settings).has_own_files
    work: list[Callable[[Settings], None]] = [
        *([check_library] if has_files or settings.env is Environment.PRODUCTION else []),
        *([_migrate] if settings.env is Environment.DEVELOPMENT and not _is_current(settings) else []),
        *([partial(_create_demo, url=url)] if wants_demo else []),
    ]
    if work:
        starting.run_in_child(work, settings)


def _is_current(settings: Settings) -> bool:
    """Return whether the schema is current; exit with an error line if the database cannot be used.

    This function does not import Alembic, because the import would take longer than the query.
    """
    failure = find_database_failure(settings)
    if failure is not None and failure.reason != NOT_MIGRATED.reason:
        fail_for(failure)
    return failure is None


def _migrate(settings: Settings) -> None:
    try:
        schema.migrate(
            settings.database_url, report=lambda line: typer.echo(f"Migrating {line}"), keyring=settings.keyring
        )
    except schema.MigrationError as error:
        fail(str(error), EXIT_CONFIG if error.is_configuration else 1)


def _create_demo(settings: Settings, url: str) -> None:
    run(demo.create_demo(settings))
    typer.echo(f"Demo:     {demo.EMAIL}\nPassword: {demo.PASSWORD}")
    option = "" if url == client_tokens.default_url(settings) else f" --url {url}"
    typer.echo(f"Clinic:   afterglow clinic token {demo.CLIENT_ID} --key {demo.key_file(settings)}{option}")
