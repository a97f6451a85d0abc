"""Asks for confirmation before a command that cannot be undone, or that makes an account less safe."""

import sys

import typer

from app.cli.errors import fail


def confirm(question: str, *, yes: bool) -> None:
    """Ask the operator a question, unless `--yes` was given or standard input is not a terminal.

    Exit with an error line if the answer is no.
    """
    if sys.stdin.isatty() and not yes and not typer.confirm(question, err=True):
        fail("nothing was changed")
