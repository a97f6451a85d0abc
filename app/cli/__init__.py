"""The entry point of the command line, `afterglow`. `app.cli.commands` lists the commands.

The process imports only what the given command needs (decision 031).
"""

from app.loading import loading


def main() -> None:
    """Run the command line."""
    with loading():
        from app.cli.commands import cli  # noqa: PLC0415 - workers import this package, too, but run no command
    cli()
