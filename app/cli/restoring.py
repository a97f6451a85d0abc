"""The command `afterglow restored`, which is run after a restore from a backup."""

import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from app import clock
from app.calendar import links
from app.cli.auditing import audit
from app.cli.database import run, with_database
from app.cli.errors import fail, load_settings, open_keyring
from app.cli.lines import print_log_lines
from app.cli.progress import with_progress
from app.clinics import administration
from app.clinics.consent_tables import EndedBy
from app.composition import build_services
from app.consents import ending
from app.consents.ended_lines import read_ended
from app.db import Database
from app.keyring.ledger import LedgerError, read_entries
from app.leaving import erasing
from app.records import restorations, restoring
from app.services import Services
from app.settings import Settings

cli = typer.Typer()


@cli.command()
def restored(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    ledger: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A ledger of erasures of another host. Can be repeated."),
    ] = None,
    ended: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The log lines of all servers since the backup. Only the consents that ended or changed according to "
            "these lines are ended.",
        ),
    ] = None,
) -> None:
    """Prepare a database that was restored from a backup. Run it once after each restore, before serving again.

    Accounts in the ledger of erasures are erased again, because the backup may still have them. Every consent for a
    clinic ends, because consents that ended after the backup was made are active in it; with --ended, only those
    consents end. Every calendar link is deleted, because links that were deleted after the backup was made are in it,
    too. Every device has to sign in again, and then pushes the changes that the backup lacks. If a run is interrupted,
    repeat it: it continues where it stopped.
    """
    settings = load_settings()
    since = None if ended is None else _read_ended(ended)
    entries = _entries(settings, ledger or [])
    started_at = run(with_database(settings, restoring.unfinished_since))
    if started_at is not None:
        typer.echo(f"Continuing the run that was started at {clock.format_instant(started_at)}.")
    if not yes and not (
        sys.stdin.isatty()
        and typer.confirm("Was the database restored from a backup? Every device will have to sign in again.")
    ):
        fail("nothing was changed; if the database was restored from a backup, confirm at a terminal or use --yes")

    async def work(db: Database) -> tuple[int, int, int]:
        services = build_services(settings, db, open_keyring(settings, create=False))
        if entries:
            await _erase_again(services, entries)
        left = await restoring.start(db)
        await administration.raise_epochs(db, restoring.epoch_step())
        feeds = await with_progress("Feeds", restoring.restored(db), left)
        # after the feeds: in the old epoch, these changes would look like changes that the backup lacks
        with print_log_lines():
            consents = await with_progress("Consents", ending.end_restored(services, since))
        return consents, feeds, await with_progress("Calendar links", links.delete_all_links(db))

    try:
        consents, feeds, ended_links = run(with_database(settings, work))
    except LedgerError as error:
        fail(str(error))
    except restoring.EpochsSpentError:
        fail(f"a feed is already in the last possible epoch, {restorations.MAX_EPOCH}; nothing was changed")
    audit("restored", feeds=feeds, consents=consents, calendar_links=ended_links)
    typer.echo(f"Consents ended: {consents}.")
    typer.echo(f"Calendar links ended: {ended_links}.")
    typer.echo(f"Feeds in a new epoch: {feeds}. Every device has to sign in again.")


def _entries(settings: Settings, ledgers: list[Path]) -> set[bytes]:
    """Return the entries of this host's ledger of erasures and of the ledgers in `ledgers`.

    Print a warning if there is no ledger. Exit with an error line if a ledger cannot be read.
    """
    own = settings.ledger_file
    paths = [own, *ledgers] if own.exists() else ledgers
    if not paths:
        typer.echo(
            f"afterglow: there is no ledger of erasures ({own}), so no account is erased again: if accounts were erased "
            "since the backup was made, repeat the command with --ledger FILE",
            err=True,
        )
    try:
        return set[bytes]().union(*map(read_entries, paths))
    except LedgerError as error:
        fail(f"{error}; nothing was changed")


def _read_ended(file: Path) -> dict[UUID, EndedBy]:
    try:
        with file.open("rb") as lines:
            return read_ended(lines)
    except OSError:
        fail(f"{file} cannot be read; nothing was changed")


async def _erase_again(services: Services, entries: set[bytes]) -> None:
    erased = list[UUID]()
    await with_progress(
        "Accounts", erasing.erase_again(services, entries, erased), await erasing.count_accounts(services.db)
    )
    typer.echo(f"Accounts erased again: {len(erased)}.")
