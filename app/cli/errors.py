"""Errors of commands: one line on the standard error, and an exit status other than 0."""

from typing import Final, NoReturn

import typer
from pydantic import ValidationError

from app.settings import Settings

EXIT_CONFIG: Final = 78
"""The exit status for invalid or unsafe settings (`EX_CONFIG` of sysexits.h)."""


def fail(message: str, status: int = 1) -> NoReturn:
    """Print the message on the standard error and exit with the status."""
    typer.echo(f"afterglow: {message}", err=True)
    raise typer.Exit(status)


def load_settings() -> Settings:
    """Return the settings; exit with `EXIT_CONFIG` and their names if some are not valid."""
    try:
        return Settings()
    except ValidationError as error:
        names = ", ".join(f"AFTERGLOW_{str(each['loc'][0]).upper()}" for each in error.errors())
        fail(f"invalid settings (see .env.example): {names}", EXIT_CONFIG)
