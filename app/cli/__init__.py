"""The command line: `afterglow serve`, `migrate`, `purge`, `restored`, `account add`, `keys create|list|rotate|retire`,
`openapi`.
"""

import typer

from app.cli import accounts, keys, serving, upkeep

cli = typer.Typer(
    help="Afterglow: the API for ketamine therapy integration. Settings come from AFTERGLOW_… and from the file .env.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_account = typer.Typer(help="Accounts, from the operator's side.", no_args_is_help=True)
_keys = typer.Typer(help="The keyring: the keys that sign tokens, and the server's secret.", no_args_is_help=True)
cli.command()(serving.serve)
cli.command()(serving.migrate)
cli.command()(upkeep.purge)
cli.command()(upkeep.restored)
cli.add_typer(_account, name="account")
cli.add_typer(_keys, name="keys")
cli.command()(serving.openapi)
_account.command("add")(accounts.add_account)
_keys.command("create")(keys.create_keys)
_keys.command("list")(keys.list_keys)
_keys.command("rotate")(keys.rotate_keys)
_keys.command("retire")(keys.retire_key)


def main() -> None:
    """Run the command line."""
    cli()
