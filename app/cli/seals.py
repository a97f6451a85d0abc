"""The command `afterglow verify-seals`."""

from typing import Annotated, NamedTuple
from uuid import UUID

import typer

from app.cli.database import run, with_database
from app.cli.errors import fail, load_settings, open_keyring
from app.cli.progress import with_progress
from app.composition import build_services
from app.db import Database
from app.records import verifying
from app.records.verifying import Documents, Unreadable
from app.resources import RESOURCES
from app.services import Services

cli = typer.Typer()


@cli.command("verify-seals")
def verify_seals(
    give_up: Annotated[
        UUID | None,
        typer.Option(metavar="ID", help="Remove this record, or its former versions, if they cannot be decrypted."),
    ] = None,
) -> None:
    """Decrypt every record and its former versions, and list the ids of those that cannot be decrypted.

    Safe while the API is served.
    """
    settings = load_settings()
    keyring = open_keyring(settings)

    async def work(db: Database) -> tuple[Result, Result]:
        services = build_services(settings, db, keyring)
        records = await _verify(db, services, "Records", verifying.current_documents(RESOURCES))
        for record in records.found:
            if record.id == give_up:
                await verifying.give_up(services, record)
        versions = await _verify(db, services, "Former versions", verifying.FORMER)
        for version in versions.found:
            if version.id == give_up:
                await verifying.give_up_version(db, version)
        return records, versions

    records, versions = results = run(with_database(settings, work))
    for each in records.found:
        typer.echo(f"{each.collection} {each.id} of account {each.owner_id}: {_state(each, give_up)}")
    for each in versions.found:
        typer.echo(
            f"{each.collection} {each.id} of account {each.owner_id}, former version {each.seq}: {_state(each, give_up)}"
        )
    typer.echo(f"Records: {records.tried}, not decrypted: {len(records.found)}.")
    typer.echo(f"Former versions: {versions.tried}, not decrypted: {len(versions.found)}.")
    ids = {each.id for result in results for each in result.found}
    if give_up is not None and give_up not in ids:
        fail(f"the record {give_up} does not exist, or can be decrypted; nothing was changed")
    if ids - {give_up}:
        raise typer.Exit(1)


class Result(NamedTuple):
    """The number of documents that were read, and a list of the documents that cannot be decrypted."""

    tried: int
    found: list[Unreadable]


async def _verify(db: Database, services: Services, name: str, documents: Documents) -> Result:
    found = list[Unreadable]()
    steps = verifying.verify(db, services.data_keys, documents, found)
    return Result(await with_progress(name, steps, await verifying.count(db, documents)), found)


def _state(document: Unreadable, given_up: UUID | None) -> str:
    return "given up" if document.id == given_up else "cannot be decrypted"
