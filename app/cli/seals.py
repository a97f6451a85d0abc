"""The command `afterglow verify-seals`."""

from typing import Annotated
from uuid import UUID

import typer

from app.cli.database import run, with_database
from app.cli.errors import fail, load_settings, open_keyring
from app.cli.progress import with_progress
from app.composition import build_services
from app.db import Database
from app.records import verifying
from app.records.verifying import Unreadable

cli = typer.Typer()


@cli.command("verify-seals")
def verify_seals(
    give_up: Annotated[
        UUID | None, typer.Option(metavar="ID", help="Remove this record, if its document cannot be decrypted.")
    ] = None,
) -> None:
    """Decrypt every record, and list those that cannot be decrypted, by their ids. Safe while the API is served."""
    settings = load_settings()
    keyring = open_keyring(settings)

    async def work(db: Database) -> tuple[int, list[Unreadable]]:
        services, found = build_services(settings, db, keyring), list[Unreadable]()
        tried = await with_progress(
            "Records", verifying.verify(db, services.data_keys, found), await verifying.count(db)
        )
        for record in found:
            if record.id == give_up:
                await verifying.give_up(services, record)
        return tried, found

    tried, found = run(with_database(settings, work))
    for record in found:
        state = "given up" if record.id == give_up else "cannot be decrypted"
        typer.echo(f"{record.collection} {record.id} of account {record.owner_id}: {state}")
    typer.echo(f"Records: {tried}, not decrypted: {len(found)}.")
    if give_up is not None and all(record.id != give_up for record in found):
        fail(f"the record {give_up} does not exist, or can be decrypted; nothing was changed")
    if any(record.id != give_up for record in found):
        raise typer.Exit(1)
