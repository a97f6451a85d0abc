"""The entry point of the command line, `afterglow`. `app.cli.commands` lists the commands.

The process imports only what the given command needs (decision 031).
"""

import os

from app.loading import loading


def main() -> None:
    """Run the command line. Only the user who runs the command can read the files that the command creates."""
    os.umask(0o077)
    with loading():
        from app.cli.commands import cli  # noqa: PLC0415 - workers import this package, too, but run no command
    cli()
