"""The audit lines of an operator's commands, on the standard error: who ran which command, on which account or clinic."""

import os

import typer

from app import observability


def audit(command: str, **ids: object) -> None:
    """Print the line of a command that has changed something. The ids name what it changed."""
    typer.echo(observability.audit_line("operator", "info", command=command, user_id=os.getuid(), **ids), err=True)
