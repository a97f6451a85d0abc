"""Reading a password for a command. It is never read from an argument, which other users of the machine could see."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from app.cli.errors import fail
from app.identity.common_passwords import is_personal
from app.identity.fields import Password

PasswordFile = Annotated[
    Path | None,
    typer.Option(help="File whose first line is the password.", show_default=False),
]


def read_password(file: Path | None, email: str) -> str:
    """Return a valid new password for the account with an e-mail address.

    Read the password from `file` if that is given, from standard input if that is not a terminal, and otherwise from a
    prompt. Exit with an error line if the password is not valid or the file cannot be read.
    """
    try:
        password = _line_of(file) if file is not None else _prompt() if sys.stdin.isatty() else sys.stdin.readline()
        valid = TypeAdapter[str](Password).validate_python(password.rstrip("\r\n"))
    except OSError:
        fail(f"{file} cannot be read")
    except (UnicodeDecodeError, ValidationError):
        fail("a password must have 8 to 256 characters and must not be a common one")
    if is_personal(valid, email):
        fail("a password must not consist of the account's e-mail address")
    return valid


def _line_of(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return lines.readline()


def _prompt() -> str:
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Repeat the password")
    return password
