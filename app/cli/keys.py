"""The keyring, from the operator's side."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from app import clock
from app.cli.ending import fail, settings_now
from app.keyring import Keyring, KeyringError
from app.keyring.rotation import create_keyring, retire, rotate
from app.settings import Settings

cli = typer.Typer()
_keys = typer.Typer(help="The keyring: the keys that sign tokens, and the server's secret.", no_args_is_help=True)
cli.add_typer(_keys, name="keys")


@_keys.command("create")
def create_keys(path: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")]) -> None:
    """Make a new keyring, readable by its owner alone; AFTERGLOW_KEYRING then names it."""
    try:
        create_keyring(path, generated=False)
    except FileExistsError:
        fail(f"{path} exists already; nothing was changed")
    except OSError:
        fail(f"{path} cannot be written")
    typer.echo(f"Made {path}. Keep a copy in your secret store: without it every device has to sign in again.")


@_keys.command("list")
def list_keys() -> None:
    """List the keys of AFTERGLOW_KEYRING: which one signs, which comes next, and until when others are believed."""
    for key in _keyring(settings_now()).keys:
        typer.echo(f"{key.kid}  {key.state}" + (f"  until {clock.format_instant(key.until)}" if key.until else ""))


@_keys.command("rotate")
def rotate_keys() -> None:
    """Let the next key sign. Every worker knows it already; tokens of the old one are believed until they end."""
    settings = settings_now()
    _change(settings, lambda: rotate(settings.keyring, settings.access_seconds))


@_keys.command("retire", context_settings={"ignore_unknown_options": True})  # some begin with a hyphen
def retire_key(kid: Annotated[str, typer.Argument(help="The key, as `afterglow keys list` names it.")]) -> None:
    """Stop believing a key at once, in an emergency. Its tokens are refused, and devices refresh theirs."""
    settings = settings_now()
    _change(settings, lambda: retire(settings.keyring, kid))


def _change(settings: Settings, change: Callable[[], str]) -> None:
    try:
        typer.echo(f"{change()} signs now.")
    except KeyringError as error:
        fail(str(error))
    except OSError:
        fail(f"{settings.keyring} cannot be changed")


def _keyring(settings: Settings) -> Keyring:
    try:
        return Keyring(settings.keyring)
    except KeyringError as error:
        fail(str(error))
