"""The commands `afterglow purge` (daily) and `afterglow restored` (after a restore from a backup)."""

import sys
from datetime import timedelta
from typing import Annotated

import typer

from app import clock
from app.cli.database import run, with_database
from app.cli.errors import fail, load_settings, open_keyring
from app.cli.progress import with_progress
from app.db import Database
from app.keyring.rotation import destroy_sealing_keys
from app.records import purging, restorations, restoring
from app.sealing import rewrapping
from app.settings import Settings

cli = typer.Typer()


@cli.command()
def purge(
    older_than: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=36_500,
            metavar="DAYS",
            help="Minimum age of tombstones and push results. The default and the minimum is AFTERGLOW_REMEMBERED_DAYS.",
        ),
    ] = None,
) -> None:
    """Delete old tombstones, old push results, and old versions of records. Safe while the API is served.

    A device that has not synced for longer pulls everything again. Versions that were replaced more than
    AFTERGLOW_HISTORY_DAYS ago are deleted.
    """
    settings = load_settings()
    days = older_than or settings.remembered_days
    if days < settings.remembered_days:  # the API relies on them: a repeated creation would revive what was removed
        fail(
            f"--older-than must be at least AFTERGLOW_REMEMBERED_DAYS, which is {settings.remembered_days}; to keep less, set "
            "that to fewer days, for every server, too. Nothing was deleted"
        )
    before = clock.now() - timedelta(days=days)
    replaced_before = clock.now() - timedelta(days=settings.history_days)

    async def upkeep(db: Database) -> tuple[int, int, int]:
        removals = await with_progress("Removals", purging.purge(db, before))
        operations = await with_progress("Operations", purging.forget(db, before))
        versions = await with_progress("Versions", purging.forget_versions(db, replaced_before))
        await _destroy_sealing_keys(db, settings)
        return removals, operations, versions

    removals, operations, versions = run(with_database(settings, upkeep))
    typer.echo(f"Purged: removals {removals}, operations {operations}, all from before {clock.format_instant(before)}.")
    typer.echo(f"Purged: former versions {versions}, replaced before {clock.format_instant(replaced_before)}.")


async def _destroy_sealing_keys(db: Database, settings: Settings) -> None:
    """Destroy key-encryption keys that no backup needs any more, after wrapping the last data keys anew."""
    keyring = open_keyring(settings)
    if not keyring.has_ended_sealing_keys:
        return
    async for _ in rewrapping.rewrap(db, keyring):
        pass
    used = await rewrapping.used_keys(db)
    for id in destroy_sealing_keys(settings.keyring, lambda kek_id: kek_id not in used):
        typer.echo(f"Destroyed the key-encryption key {id}: backups from before its rotation cannot be read any more.")


@cli.command()
def restored(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False) -> None:
    """Prepare a database that was restored from a backup. Run it once after each restore, before serving again.

    Every device has to sign in again, and then pushes the changes that the backup lacks. An interrupted run can be repeated:
    it continues where it stopped.
    """
    settings = load_settings()
    started_at = run(with_database(settings, restoring.unfinished_since))
    if started_at is not None:
        typer.echo(f"Continuing the run that was started at {clock.format_instant(started_at)}.")
    if not yes and not (
        sys.stdin.isatty()
        and typer.confirm("Was the database restored from a backup? Every device will have to sign in again.")
    ):
        fail("nothing was changed; if the database was restored from a backup, confirm at a terminal or use --yes")

    async def work(db: Database) -> int:
        return await with_progress("Feeds", restoring.restored(db), await restoring.start(db))

    try:
        feeds = run(with_database(settings, work))
    except restoring.EpochsSpentError:
        fail(f"a feed is already in the last possible epoch, {restorations.MAX_EPOCH}; nothing was changed")
    typer.echo(f"Feeds in a new epoch: {feeds}. Every device has to sign in again.")
