"""The OpenAPI document, from the command line."""

import orjson
import typer

from app.cli.ending import settings_now
from app.main import create_app

cli = typer.Typer()


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    typer.echo(orjson.dumps(create_app(settings_now()).openapi(), option=orjson.OPT_INDENT_2).decode())
