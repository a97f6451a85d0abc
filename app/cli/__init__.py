"""The entry point of the command line, `afterglow`. `app.cli.commands` lists the commands.

The process imports only what the given command needs (decision 031).
"""

import os

from app.loading import loading


def main() -> None:
    """Run the command line. Only its user can read the files that it writes, whatever umask it was started with."""
    os.umask(0o077)
    with loading():
        from app.cli.commands import cli  # noqa: PLC0415 - workers import this package, too, but run no command
    cli()
