"""Errors of commands: printed on standard error, with an exit status other than 0."""

from contextlib import suppress
from typing import Final, NoReturn

import typer
from pydantic import ValidationError

from app.cli.setting_errors import incomplete_lines, invalid_settings, unknown_settings
from app.keyring import Keyring, KeyringError
from app.keyring.rotation import create_keyring
from app.settings import Environment, Settings

EXIT_CONFIG: Final = 78
"""The exit status for invalid or unsafe settings (`EX_CONFIG` of sysexits.h)."""


def fail(message: str, status: int = 1) -> NoReturn:
    """Print the message on standard error, and exit with the status."""
    typer.echo(f"afterglow: {message}", err=True)
    raise typer.Exit(status)


def load_settings() -> Settings:
    """Return the settings; exit with `EXIT_CONFIG` and one line for each invalid, unknown or incomplete setting."""
    lines, settings = [], None
    try:
        lines = incomplete_lines() + unknown_settings()
        settings = Settings()
    except ValidationError as error:
        lines += invalid_settings(error)
    except (OSError, UnicodeDecodeError):
        lines.append("the file .env cannot be read: check its mode, and that it is UTF-8")
    if settings is None or lines:
        fail("invalid settings:\n" + "\n".join(f"- {line}" for line in lines), EXIT_CONFIG)
    return settings


def open_keyring(settings: Settings, *, create: bool = True) -> Keyring:
    """Return the keyring that the settings name; exit with an error line if it cannot be used.

    If `create` is true, the keyring must have a key-encryption key. In development, a missing file is then created
    first.
    """
    try:
        if create and settings.env is Environment.DEVELOPMENT and not settings.keyring.exists():
            with suppress(FileExistsError):  # another process created it at the same moment
                create_keyring(settings.keyring, generated=True)
        keyring = Keyring(settings.keyring)
        if create:
            _ = keyring.sealing_key  # raises if there is none
    except OSError as error:
        fail(f"AFTERGLOW_KEYRING names {settings.keyring}, which cannot be created ({error.strerror})")
    except KeyringError as error:
        fail(str(error))
    return keyring
