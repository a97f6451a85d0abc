"""The audit lines of an operator's commands, on standard error: who ran which command, and what it changed."""

import os

import typer

from app import observability


def audit(command: str, **ids: object) -> None:
    """Print the audit line of a command that has changed something.

    `ids` are further members of the line, such as the ids of the changed objects, or the number of deleted ones.
    """
    typer.echo(observability.audit_line("operator", "info", command=command, user_id=os.getuid(), **ids), err=True)
