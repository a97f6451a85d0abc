"""What the database gets before the API is served: its schema, and the demo."""

import asyncio
from collections.abc import Callable

import typer

from app import demo, starting
from app.cli.database import carried_out, over
from app.cli.ending import fail, settings_now
from app.db import schema
from app.problems import Problem
from app.settings import Environment, Settings

cli = typer.Typer()


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date. Safe to run from several hosts at once."""
    _migrate(settings_now())
    typer.echo(f"The schema is at {schema.HEAD}.")


def prepare(settings: Settings, *, wants_demo: bool) -> None:
    """Do what a start needs to have done and has not, in a process apart."""
    work: list[Callable[[Settings], None]] = [
        *([_migrate] if settings.env is Environment.DEVELOPMENT and not _is_current(settings) else []),
        *([_plant] if wants_demo else []),
    ]
    if work:
        starting.apart(work, settings)


def _is_current(settings: Settings) -> bool:
    """Say whether the schema is at its head, without Alembic, which takes longer to load than to find that out."""
    try:
        return asyncio.run(over(settings, lambda db: db.ready())) == schema.HEAD
    except Problem:
        return False


def _migrate(settings: Settings) -> None:
    try:
        schema.migrate(settings.database_url, said=lambda line: typer.echo(f"Migrating {line}"))
    except schema.MigrationError as error:
        fail(str(error))


def _plant(settings: Settings) -> None:
    carried_out(demo.plant(settings))
    typer.echo(f"Demo:     {demo.EMAIL}\nPassword: {demo.PASSWORD}")
