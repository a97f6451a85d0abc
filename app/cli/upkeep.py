"""The commands `afterglow upkeep` (daily), and its parts, `afterglow erase`, `afterglow purge` and `afterglow prune`."""

from datetime import timedelta
from typing import Annotated

import typer

from app import clock
from app.cli.auditing import audit
from app.cli.database import run, with_database
from app.cli.errors import fail, load_settings, open_keyring
from app.cli.progress import with_progress
from app.clinics import assertions
from app.composition import build_services
from app.db import Database
from app.exchange import purging as clinic_removals
from app.fhir.exports import starting as exports
from app.identity import pruning
from app.keyring.ledger import LedgerError
from app.keyring.rotation import destroy_sealing_keys
from app.leaving import erasing
from app.records import purging
from app.sealing import rewrapping
from app.settings import Settings

cli = typer.Typer()


@cli.command()
def upkeep() -> None:
    """Run the commands erase, purge and prune. Run this once a day. Safe while the API is served."""
    erase()
    purge(None)
    prune()


@cli.command()
def erase() -> None:
    """Erase the closed accounts whose time of erasure has passed. Safe while the API is served.

    Each account is first added to the ledger of erasures. If a run is interrupted, repeat it: it continues where it
    stopped.
    """
    settings = load_settings()
    keyring = open_keyring(settings)

    async def work(db: Database) -> int:
        return await with_progress("Accounts", erasing.erase_due(build_services(settings, db, keyring)))

    try:
        accounts = run(with_database(settings, work))
    except LedgerError as error:
        fail(str(error))
    audit("erase", accounts=accounts)
    typer.echo(f"Erased: accounts {accounts}.")


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
    """Delete old tombstones, push results, former versions of records, used assertions and bulk exports.

    Safe while the API is served. A device that has not synced for as many days as --older-than says pulls everything
    again. Former versions are deleted if they were replaced more than AFTERGLOW_HISTORY_DAYS days ago. Old
    key-encryption keys are destroyed if no backup needs them any more.
    """
    settings = load_settings()
    days = older_than or settings.remembered_days
    if days < settings.remembered_days:  # without the tombstone, a repeated creation would bring a removed record back
        fail(
            f"--older-than must be at least AFTERGLOW_REMEMBERED_DAYS, which is {settings.remembered_days}; to delete "
            "more, first set AFTERGLOW_REMEMBERED_DAYS to fewer days on every server. Nothing was deleted"
        )
    before = clock.now() - timedelta(days=days)
    replaced_before = clock.now() - timedelta(days=settings.history_days)

    async def work(db: Database) -> tuple[int, int, int]:
        removals = await with_progress("Removals", purging.purge(db, before))
        operations = await with_progress("Operations", purging.purge_operations(db, before))
        versions = await with_progress("Versions", purging.purge_versions(db, replaced_before))
        await with_progress("Removals for clinics", clinic_removals.purge(db, before))
        await assertions.delete_expired(db)
        await exports.delete_expired(db)
        await _destroy_sealing_keys(db, settings)
        return removals, operations, versions

    removals, operations, versions = run(with_database(settings, work))
    audit("purge", removals=removals, operations=operations, versions=versions)
    typer.echo(f"Purged: removals {removals}, operations {operations}, all from before {clock.format_instant(before)}.")
    typer.echo(f"Purged: former versions {versions}, replaced before {clock.format_instant(replaced_before)}.")


@cli.command()
def prune() -> None:
    """Delete old codes, counts of attempts, and devices whose sign-in has expired. Safe while the API is served."""
    settings = load_settings()

    async def work(db: Database) -> tuple[int, int, int]:
        codes = await with_progress("Codes", pruning.prune_codes(db))
        counts = await with_progress("Counts", pruning.prune_counts(db))
        return codes, counts, await with_progress("Devices", pruning.prune_devices(db, settings))

    codes, counts, devices = run(with_database(settings, work))
    audit("prune", codes=codes, counts=counts, devices=devices)
    typer.echo(f"Pruned: codes {codes}, counts of attempts {counts}, devices {devices}.")


async def _destroy_sealing_keys(db: Database, settings: Settings) -> None:
    """Destroy the old key-encryption keys that no backup needs any more. Print a line for each of them.

    First wrap the data keys that still use an old key-encryption key with the current one.
    """
    keyring = open_keyring(settings)
    if not keyring.has_ended_sealing_keys:
        return
    async for _ in rewrapping.rewrap(db, keyring):
        pass
    used = await rewrapping.used_keys(db)
    for id in destroy_sealing_keys(settings.keyring, lambda kek_id: kek_id not in used):
        typer.echo(f"Destroyed the key-encryption key {id}: backups from before its rotation cannot be read any more.")
