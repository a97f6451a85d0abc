"""The list of commands. The module of a command is imported when the command runs."""

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

from app.loading import loading

_MODULES: Final = {
    "serve": "serving",
    "migrate": "preparing",
    "upkeep": "upkeep",
    "erase": "upkeep",
    "purge": "upkeep",
    "prune": "upkeep",
    "restored": "restoring",
    "verify-seals": "seals",
    "account": "accounts",
    "clinic": "clinics",
    "instruments": "instruments",
    "keys": "keys",
    "openapi": "document",
}


class Commands(TyperGroup):
    """A group of commands whose modules are imported on demand."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"commands": dict.fromkeys(_MODULES)})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the module of the command with a name, and return the command; None if there is no such command."""
        if cmd_name not in _MODULES:
            return None
        with loading():
            module = import_module(f"app.cli.{_MODULES[cmd_name]}")
        return get_group(module.cli).get_command(ctx, cmd_name)


cli = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer passes it by position
    if wanted:
        typer.echo(f"afterglow {version('afterglow')}")
        raise typer.Exit


@cli.callback()
def _afterglow(
    *,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version, and exit.")
    ] = False,
) -> None:
    """Afterglow: the API for ketamine therapy integration.

    Settings are read from environment variables named AFTERGLOW_… and from the file .env (see .env.example).
    """
