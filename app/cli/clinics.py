"""The commands `afterglow clinic …`."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import TypeAdapter, ValidationError

from app.cli import client_tokens, clinic_lines
from app.cli.auditing import audit
from app.cli.confirming import confirm
from app.cli.database import T, run, with_database
from app.cli.errors import fail, load_settings, open_keyring
from app.cli.lines import print_json, print_log_lines
from app.cli.progress import with_progress
from app.clinics import administration, scopes
from app.clinics.administration import KeySource
from app.clinics.keys import MAX_BYTES, KeySetError, read_key_set
from app.clinics.scopes import ScopeError
from app.clinics.tables import Purpose
from app.composition import build_services
from app.consents import ending
from app.db import Database, Row, Transaction
from app.identity.fields import EmailAddress
from app.outbound import Outbound, RefusedUrlError
from app.settings import Environment, Settings

MAX_NAME = 200
cli = typer.Typer()
_clinic = typer.Typer(help="Manage clinics, and the programs that act for them.", no_args_is_help=True)
_client = typer.Typer(help="Manage the clients of clinics.", no_args_is_help=True)
cli.add_typer(_clinic, name="clinic")
_clinic.add_typer(_client, name="client")
ClinicId = Annotated[UUID, typer.Argument(metavar="CLINIC", help="The clinic's id.", show_default=False)]
ClientId = Annotated[UUID, typer.Argument(metavar="CLIENT", help="The client's id.", show_default=False)]
KeyFile = Annotated[
    Path | None,
    typer.Option("--jwks", metavar="FILE", help="File with the public keys (JSON Web Key Set).", show_default=False),
]
KeyUrl = Annotated[
    str | None,
    typer.Option("--jwks-uri", metavar="URL", help="URL that returns the public keys.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation at a terminal.")]


@_clinic.command("add")
def add_clinic(
    name: Annotated[str, typer.Argument(help="The name that patients see.", show_default=False)],
    *,
    contact: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="E-mail address for technical messages.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a clinic. Prints its id, and the share code with which patients propose a consent."""
    settings = load_settings()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
        fail(f"the name must have 1 to {MAX_NAME} printable characters, without leading or trailing spaces")
    try:
        address = None if contact is None else TypeAdapter[str](EmailAddress).validate_python(contact)
    except ValidationError:
        fail("the contact is not an e-mail address")

    clinic = _in_transaction(settings, lambda tx: administration.add_clinic(tx, name, address))
    audit("clinic add", clinic_id=clinic["id"])
    clinic_lines.show_clinic(f"Added {name}.", clinic, changed=True, as_json=as_json)


@_clinic.command("list")
def list_clinics(*, as_json: AsJson = False) -> None:
    """List clinics, newest first."""
    found = run(with_database(load_settings(), administration.clinics))
    clinic_lines.show_clinics(found, as_json=as_json)


@_clinic.command("end")
def end_clinic(id: ClinicId, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """End a clinic permanently. Its clients are refused from the next request on, and all consents for the clinic end.

    Each patient with an active consent gets an e-mail. Each consent that ends is logged on standard error. An interrupted run can be repeated.
    """
    settings = load_settings()
    keyring = open_keyring(settings)
    confirm(f"End the clinic {id} for good?", yes=yes)

    async def end(db: Database) -> tuple[bool, Row]:
        async with db.transaction() as tx:
            changed = await administration.end_clinic(tx, id)
            clinic = await administration.find_clinic(tx, id)
        if clinic is None:
            fail(f"no clinic has the id {id}; nothing was changed")
        with print_log_lines():
            await with_progress("Consents", ending.end_of_clinic(build_services(settings, db, keyring), id))
        return changed, clinic

    changed, clinic = run(with_database(settings, end))
    if changed:
        audit("clinic end", clinic_id=id)
    text = f"Ended {clinic['name']}." if changed else f"{clinic['name']} has ended already."
    clinic_lines.show_clinic(text, clinic, changed=changed, as_json=as_json)


@_client.command("add")
def add_client(
    clinic: ClinicId,
    *,
    scope: Annotated[
        str,
        typer.Option(help='The scopes that its tokens can have, such as "system/Patient.crus system/Procedure.crus".'),
    ],
    jwks: KeyFile = None,
    jwks_uri: KeyUrl = None,
    purpose: Annotated[
        Purpose, typer.Option(help="The purpose for which a patient must have consented.")
    ] = Purpose.TREATMENT,
    as_json: AsJson = False,
) -> None:
    """Add a client of a clinic, with its public keys: RSA of at least 2048 bits, or EC on the curve P-384.

    Prints its id. A scope with * as the type, or a scope of SMART version 1 (.read, .write), stands for the supported
    scopes that it covers.
    """
    settings = load_settings()
    keys = _key_source(settings, jwks, jwks_uri)
    try:
        registered = scopes.render(scopes.registered(scope))
    except ScopeError as error:
        fail(str(error))

    client = _in_transaction(settings, lambda tx: administration.add_client(tx, clinic, keys, registered, purpose))
    if client is None:
        fail(f"no active clinic has the id {clinic}; nothing was changed")
    audit("clinic client add", clinic_id=clinic, client_id=client["id"])
    clinic_lines.show_client("Added a client.", client, changed=True, as_json=as_json)


@_client.command("list")
def list_clients(
    clinic: Annotated[
        UUID | None, typer.Argument(metavar="[CLINIC]", help="Only clients of this clinic.", show_default=False)
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List clients, newest first."""

    async def read(db: Database) -> list[Row]:
        if clinic is not None and await administration.find_clinic(db, clinic) is None:
            fail(f"no clinic has the id {clinic}")
        return await administration.clients(db, clinic)

    clinic_lines.show_clients(run(with_database(load_settings(), read)), as_json=as_json)


@_client.command("keys")
def show_or_change_keys(
    id: ClientId, *, jwks: KeyFile = None, jwks_uri: KeyUrl = None, as_json: AsJson = False
) -> None:
    """Show the keys of a client, or replace all of them.

    To change a key without an interruption, first register the old and the new key together.
    """
    settings = load_settings()
    if jwks is None and jwks_uri is None:
        client = run(with_database(settings, lambda db: administration.find_client(db, id)))
        if client is None:
            fail(f"no client has the id {id}")
        clinic_lines.show_keys(client, as_json=as_json)
        return
    keys = _key_source(settings, jwks, jwks_uri)

    client = _in_transaction(settings, lambda tx: administration.change_keys(tx, id, keys))
    if client is None:
        fail(f"no active client has the id {id}; nothing was changed")
    audit("clinic client keys", client_id=id)
    clinic_lines.show_client("Replaced the keys.", client, changed=True, as_json=as_json)


@_client.command("end")
def end_client(id: ClientId, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """End a client permanently. Its tokens are refused from the next request on."""
    settings = load_settings()
    confirm(f"End the client {id} for good?", yes=yes)

    async def end(tx: Transaction) -> tuple[bool, Row | None]:
        changed = await administration.end_client(tx, id)
        return changed, await administration.find_client(tx, id)

    changed, client = _in_transaction(settings, end)
    if client is None:
        fail(f"no client has the id {id}; nothing was changed")
    if changed:
        audit("clinic client end", client_id=id)
    text = "Ended the client." if changed else "The client has ended already."
    clinic_lines.show_client(text, client, changed=changed, as_json=as_json)


@_clinic.command("token")
def print_token(
    id: ClientId,
    *,
    key: Annotated[
        Path,
        typer.Option(metavar="FILE", help="File with the client's private key (PEM or JWK).", show_default=False),
    ],
    url: Annotated[
        str | None,
        typer.Option(help="URL of the server. The default is AFTERGLOW_ISSUER, or this machine.", show_default=False),
    ] = None,
    scope: Annotated[str, typer.Option(help="The scopes to request; if empty, all registered scopes.")] = "",
    as_json: AsJson = False,
) -> None:
    """Request an access token for a client from the running server, and print it. The token is valid for 5 minutes."""
    settings = load_settings()
    client = run(with_database(settings, lambda db: administration.find_client(db, id)))
    if client is None:
        fail(f"no client has the id {id}")
    signing_key = client_tokens.read_signing_key(key, client)
    url = url or client_tokens.default_url(settings)
    granted = client_tokens.request_token(url, client, signing_key, settings.issuer, scope)
    if as_json:
        print_json(granted)
    else:
        typer.echo(granted["access_token"])


def _key_source(settings: Settings, file: Path | None, url: str | None) -> KeySource:
    """Return the public keys in a file, or the URL that returns them.

    Exit with an error line if not exactly one of the two is given, if the keys are not valid, or if the server may not
    send a request to the URL.
    """
    if (file is None) == (url is None):
        fail("give the client's public keys by --jwks FILE or by --jwks-uri URL, not both")
    if url is not None:
        try:
            run(Outbound(allow_loopback=settings.env is Environment.DEVELOPMENT).check(url))
        except RefusedUrlError as error:
            fail(f"the URL of --jwks-uri is refused: {error}")
        return KeySource(None, url)
    try:
        with Path(str(file)).open("rb") as content:
            return KeySource(read_key_set(content.read(MAX_BYTES + 1)), None)
    except OSError:
        fail(f"{file} cannot be read")
    except KeySetError as error:
        fail(f"{file}: {error}")


def _in_transaction(settings: Settings, work: Callable[[Transaction], Coroutine[Any, Any, T]]) -> T:
    """Call `work` with one transaction on the database of the settings, and return the result of `work`."""

    async def in_transaction(db: Database) -> T:
        async with db.transaction() as tx:
            return await work(tx)

    return run(with_database(settings, in_transaction))
