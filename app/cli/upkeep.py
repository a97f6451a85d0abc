"""Upkeep: what an operator does daily, and what after a restore from a backup. Safe while the API is served."""

import sys
from datetime import timedelta
from typing import Annotated

import typer

from app import clock
from app.cli.database import carried_out, over
from app.cli.ending import fail, settings_now
from app.cli.progress import counted
from app.db import Database
from app.records import purging, restoring

cli = typer.Typer()


@cli.command()
def purge(
    older_than: Annotated[
        int | None,
        typer.Option(min=1, max=36_500, metavar="DAYS", help="How old; if not given, AFTERGLOW_REMEMBERED_DAYS."),
    ] = None,
) -> None:
    """Forget old removals, and what devices pushed long ago. A device that was away for longer pulls everything again."""
    settings = settings_now()
    before = clock.now() - timedelta(days=older_than or settings.remembered_days)

    async def work(db: Database) -> tuple[int, int]:
        return await counted("Removals", purging.purge(db, before)), await counted(
            "Operations", purging.forget(db, before)
        )

    removals, operations = carried_out(over(settings, work))
    typer.echo(f"Purged: removals {removals}, operations {operations}, all from before {clock.format_instant(before)}.")


@cli.command()
def restored(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Run this once after the database was restored from a backup, before serving again.

    Every device has to sign in again, and then brings back what only it still has. A run that was interrupted goes on.
    """
    settings = settings_now()
    began_at = carried_out(over(settings, restoring.unfinished_since))
    if began_at is not None:
        typer.echo(f"Going on with the run that began at {clock.format_instant(began_at)}.")
    if not yes and not (
        sys.stdin.isatty() and typer.confirm("Was the database restored, and shall every device sign in again?")
    ):
        fail("nothing was changed; say so at a terminal, or with --yes, where the database was restored from a backup")

    async def work(db: Database) -> int:
        return await counted("Feeds", restoring.restored(db), await restoring.start(db))

    try:
        feeds = carried_out(over(settings, work))
    except restoring.EpochsSpentError:
        fail(f"a feed is in epoch {restoring.MAX_EPOCH}, the last there is; nothing was changed")
    typer.echo(f"Feeds in a new epoch: {feeds}. Every device has to sign in again.")
