"""The commands `afterglow account …`."""

import sys
from typing import Annotated
from uuid import UUID

import typer
from pydantic import TypeAdapter, ValidationError

from app.cli.database import run, with_database
from app.cli.errors import fail, load_settings
from app.db import Database
from app.identity.accounts import NewAccount, create_account
from app.identity.fields import EmailAddress, Password
from app.identity.passwords import hashed_now
from app.identity.tables import Role

cli = typer.Typer()
_account = typer.Typer(help="Manage accounts.", no_args_is_help=True)
cli.add_typer(_account, name="account")


@_account.command("add")
def add_account(
    email: Annotated[str, typer.Argument(help="The account's e-mail address. It counts as verified.")],
    role: Annotated[Role, typer.Option(help="The account's role.")] = Role.PERSON,
) -> None:
    """Add an account. Prompts for its password (8 to 256 characters), or reads it from the standard input if that is not a terminal."""
    settings = load_settings()
    password = _prompt_password() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    for kind, value, expected in (
        (EmailAddress, email, "an e-mail address"),
        (Password, password, "a password of 8 to 256 characters that is not a common one"),
    ):
        try:
            TypeAdapter(kind).validate_python(value)
        except ValidationError:
            fail(f"not {expected}")
    new = NewAccount(email, hashed_now(password), role=role)

    async def add(db: Database) -> UUID | None:
        async with db.transaction() as tx:
            return await create_account(tx, new)

    if run(with_database(settings, add)) is None:
        fail(f"an account with the e-mail address {email} already exists; nothing was changed")
    typer.echo(f"Added {email} as {role}.")


def _prompt_password() -> str:
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Repeat the password")
    return password
