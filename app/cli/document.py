"""The command `afterglow openapi`."""

import typer

from app.cli.errors import load_settings
from app.main import create_app
from app.openapi import text

cli = typer.Typer()


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    typer.echo(text(create_app(load_settings()).openapi()))
