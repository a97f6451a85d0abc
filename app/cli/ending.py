"""How a command ends where it cannot do its work: with one clear line, and not with zero."""

from typing import Final, NoReturn

import typer
from pydantic import ValidationError

from app.settings import Settings

UNSAFE: Final = 78


def fail(line: str, status: int = 1) -> NoReturn:
    """Say why, and end."""
    typer.echo(f"afterglow: {line}", err=True)
    raise typer.Exit(status)


def settings_now() -> Settings:
    """Return the settings, or end where they are not valid."""
    try:
        return Settings()
    except ValidationError as error:
        names = ", ".join(f"AFTERGLOW_{str(each['loc'][0]).upper()}" for each in error.errors())
        fail(f"these settings are not valid, see .env.example: {names}", UNSAFE)
