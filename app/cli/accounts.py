"""Accounts, from the operator's side."""

import sys
from typing import Annotated
from uuid import UUID

import typer
from pydantic import TypeAdapter, ValidationError

from app.cli.database import carried_out, over
from app.cli.ending import fail, settings_now
from app.db import Database
from app.identity.accounts import NewAccount, open_account
from app.identity.fields import EmailAddress, Password
from app.identity.passwords import hashed_now
from app.identity.tables import Role

cli = typer.Typer()
_account = typer.Typer(help="Accounts, from the operator's side.", no_args_is_help=True)
cli.add_typer(_account, name="account")


@_account.command("add")
def add_account(
    email: Annotated[str, typer.Argument(help="The address; it counts as verified at once.")],
    role: Annotated[Role, typer.Option(help="What kind of caller it is.")] = Role.PERSON,
) -> None:
    """Add an account. Its password is asked for, or read from a standard input that is no terminal: 8 to 256 characters."""
    settings = settings_now()
    password = _asked_for() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    for kind, value, demand in (
        (EmailAddress, email, "an e-mail address"),
        (Password, password, "a password of 8 to 256 characters that nobody would guess"),
    ):
        try:
            TypeAdapter(kind).validate_python(value)
        except ValidationError:
            fail(f"this is not {demand}")
    new = NewAccount(email, hashed_now(password), role=role)

    async def add(db: Database) -> UUID | None:
        async with db.transaction() as tx:
            return await open_account(tx, new)

    if carried_out(over(settings, add)) is None:
        fail(f"an account with the address {email} exists already; nothing was changed")
    typer.echo(f"Added {email} as {role}.")


def _asked_for() -> str:
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt="The same again")
    return password
