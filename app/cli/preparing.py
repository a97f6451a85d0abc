"""Preparing the database before the API is served: migrations and demo data."""

import asyncio
from collections.abc import Callable

import typer

from app import demo, starting
from app.cli.database import run, with_database
from app.cli.errors import fail, load_settings
from app.db import schema
from app.problems import Problem
from app.settings import Environment, Settings

cli = typer.Typer()


@cli.command()
def migrate() -> None:
    """Migrate the database to the current schema. Safe to run on several hosts at once."""
    _migrate(load_settings())
    typer.echo(f"The schema is at version {schema.HEAD}.")


def prepare(settings: Settings, *, wants_demo: bool) -> None:
    """Migrate the database (in development) and create the demo data (if wanted), in a child process (decision 013)."""
    work: list[Callable[[Settings], None]] = [
        *([_migrate] if settings.env is Environment.DEVELOPMENT and not _is_current(settings) else []),
        *([_create_demo] if wants_demo else []),
    ]
    if work:
        starting.run_in_child(work, settings)


def _is_current(settings: Settings) -> bool:
    """Return whether the schema is current. Does not import Alembic, which would take longer than the query."""
    try:
        return asyncio.run(with_database(settings, lambda db: db.check_health())) == schema.HEAD
    except Problem:
        return False


def _migrate(settings: Settings) -> None:
    try:
        schema.migrate(settings.database_url, report=lambda line: typer.echo(f"Migrating {line}"))
    except schema.MigrationError as error:
        fail(str(error))


def _create_demo(settings: Settings) -> None:
    run(demo.create_demo(settings))
    typer.echo(f"Demo:     {demo.EMAIL}\nPassword: {demo.PASSWORD}")
