"""The command line: `afterglow serve`, `migrate`, `purge`, `restored`, `account add`, `keys create|list|rotate|retire`,
`openapi`.

A process begins here, and loads nothing but what the command that it was asked for needs.
"""

from app.cli.loading import loading


def main() -> None:
    """Run the command line."""
    with loading():
        from app.cli.commands import cli  # noqa: PLC0415 - a worker begins with its starter's program, and runs no command
    cli()
