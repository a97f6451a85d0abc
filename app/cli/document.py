"""The command `afterglow openapi`."""

import orjson
import typer

from app.cli.errors import load_settings
from app.main import create_app

cli = typer.Typer()


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    typer.echo(orjson.dumps(create_app(load_settings()).openapi(), option=orjson.OPT_INDENT_2).decode())
