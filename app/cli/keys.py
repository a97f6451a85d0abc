"""The commands `afterglow keys …`."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from app import clock
from app.cli.auditing import audit
from app.cli.database import run, with_database
from app.cli.errors import fail, load_settings, open_keyring
from app.cli.progress import with_progress
from app.db import Database
from app.keyring import KeyringError
from app.keyring.rotation import add_sealing_key, create_keyring, retire, rotate
from app.sealing import rewrapping
from app.settings import Settings

cli = typer.Typer()
_keys = typer.Typer(
    help="Manage the keyring: the signing keys, the key-encryption keys, and the server's secret.", no_args_is_help=True
)
cli.add_typer(_keys, name="keys")


@_keys.command("create")
def create_keys(path: Annotated[Path, typer.Argument(help="The file to create. It must not exist.")]) -> None:
    """Create a keyring file that only its owner can read. Set AFTERGLOW_KEYRING to its path."""
    try:
        create_keyring(path, generated=False)
    except FileExistsError:
        fail(f"{path} already exists; nothing was changed")
    except OSError:
        fail(f"{path} cannot be written")
    audit("keys create")
    typer.echo(
        f"Created {path}. Keep a copy in your secret store, apart from the database: if it is lost, every word in the database is lost."
    )


@_keys.command("list")
def list_keys() -> None:
    """List the signing keys of AFTERGLOW_KEYRING with their states.

    Tokens that were signed with a retired key are accepted until the time shown.
    """
    for key in open_keyring(load_settings(), create=False).keys:
        typer.echo(f"{key.kid}  {key.state}" + (f"  until {clock.format_instant(key.until)}" if key.until else ""))


@_keys.command("rotate")
def rotate_keys() -> None:
    """Sign tokens with the next signing key from now on. Tokens of the old key are accepted until they expire."""
    settings = load_settings()
    _change("rotate", settings, lambda: rotate(settings.keyring, settings.access_seconds))


@_keys.command("retire", context_settings={"ignore_unknown_options": True})  # a kid may begin with a hyphen
def retire_key(kid: Annotated[str, typer.Argument(help="The key id, as printed by `afterglow keys list`.")]) -> None:
    """Revoke a signing key immediately, in an emergency. Its access tokens are refused, so apps request new ones."""
    settings = load_settings()
    _change("retire", settings, lambda: retire(settings.keyring, kid))


@_keys.command("rotate-sealing")
def rotate_sealing_key() -> None:
    """Wrap every data key with a new key-encryption key. Safe while the API is served.

    An interrupted run can be repeated. The former key is kept for AFTERGLOW_BACKUP_DAYS, because backups need it, and
    then destroyed by `afterglow purge`.
    """
    settings = load_settings()
    keyring = open_keyring(settings, create=False)
    if not keyring.sealing_keys:  # an older version created the keyring, so no data key exists yet
        key_id = add_sealing_key(settings.keyring, timedelta())
        audit("keys rotate-sealing", key_id=key_id)
        typer.echo(f"Added the first key-encryption key, {key_id}.")
        return

    async def work(db: Database) -> int:
        if not await rewrapping.count_left(db, keyring):
            add_sealing_key(settings.keyring, timedelta(days=settings.backup_days))
            keyring.reload()
        return await with_progress(
            "Data keys", rewrapping.rewrap(db, keyring), await rewrapping.count_left(db, keyring)
        )

    count = run(with_database(settings, work))
    audit("keys rotate-sealing", key_id=keyring.sealing_key.id)
    typer.echo(f"Data keys wrapped by the key-encryption key {keyring.sealing_key.id}: {count}.")


def _change(command: str, settings: Settings, change: Callable[[], str]) -> None:
    try:
        kid = change()
        audit(f"keys {command}", kid=kid)
        typer.echo(f"The current key is {kid}.")
    except KeyringError as error:
        fail(str(error))
    except OSError:
        fail(f"{settings.keyring} cannot be changed")
