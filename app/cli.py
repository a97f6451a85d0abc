"""The command line: `afterglow serve`, `migrate`, `account add`, `keys create`, `openapi`."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar
from uuid import UUID

import orjson
import typer
import uvicorn
from pydantic import TypeAdapter, ValidationError

from app import demo, starting
from app.db import open_database, schema
from app.http import Edge
from app.identity.accounts import NewAccount, open_account
from app.identity.fields import Email, Password
from app.identity.keyring import create_keyring
from app.identity.passwords import hashed_now
from app.identity.tables import Role
from app.main import create_app
from app.observability import LOGGING
from app.problems import Problem
from app.settings import Environment, Settings

T = TypeVar("T")

UNSAFE: Final = 78
_NO_DATABASE: Final = (
    "the database does not answer, or has no schema yet: see AFTERGLOW_DATABASE_URL, or run `afterglow migrate`"
)

cli = typer.Typer(
    help="Afterglow: the API for ketamine therapy integration. Settings come from AFTERGLOW_… and from the file .env.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
account = typer.Typer(help="Accounts, from the operator's side.", no_args_is_help=True)
keys = typer.Typer(help="The keyring: the keys that sign tokens, and the server's secret.", no_args_is_help=True)
cli.add_typer(account, name="account")
cli.add_typer(keys, name="keys")


@cli.command()
def serve(
    *,
    demo_data: Annotated[
        bool, typer.Option("--demo", help="Plant one invented person's journey, and print how to sign in as them.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 means every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; more than one needs PostgreSQL.")] = 1,
) -> None:
    """Serve the API. In development the schema is brought up to date first."""
    settings = _settings()
    wants_demo = demo_data or settings.demo
    if workers > 1 and settings.uses_sqlite:
        _fail("SQLite serves one process: use --workers 1, or set AFTERGLOW_DATABASE_URL to a PostgreSQL database")
    reasons = starting.prepare(settings.model_copy(update={"demo": wants_demo}))
    if reasons:
        _fail("not safe to start:\n" + "\n".join(f"- {reason}" for reason in reasons), UNSAFE)
    if not starting.can_listen(host, port):
        _fail(f"cannot listen on {host}:{port}: it is in use, or not an address of this machine")
    if settings.env is Environment.DEVELOPMENT:
        starting.apart(_migrate, settings)
    if wants_demo:
        starting.apart(_plant, settings)
    if settings.serves_docs:
        typer.echo(f"Docs:     http://{f'[{host}]' if ':' in host else host}:{port}/docs")
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))  # uvicorn raises it again once all is served
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=host,
        port=port,
        http=Edge,
        workers=workers,
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=25,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
    )


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date. Safe to run from several hosts at once."""
    _migrate(_settings())
    typer.echo(f"The schema is at {schema.HEAD}.")


@account.command("add")
def add_account(
    email: Annotated[str, typer.Argument(help="The address; it counts as verified at once.")],
    role: Annotated[Role, typer.Option(help="What kind of caller it is.")] = Role.PERSON,
) -> None:
    """Add an account. The password is read from the standard input: 8 to 256 characters on one line."""
    settings = _settings()
    password = typer.prompt("Password", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    for kind, value, demand in (
        (Email, email, "an e-mail address"),
        (Password, password, "a password of 8 to 256 characters that nobody would guess"),
    ):
        try:
            TypeAdapter(kind).validate_python(value)
        except ValidationError:
            _fail(f"this is not {demand}")
    new = NewAccount(email, hashed_now(password), role=role)
    if _carried_out(_added(settings, new)) is None:
        _fail(f"an account with the address {email} exists already; nothing was changed")
    typer.echo(f"Added {email} as {role}.")


@keys.command("create")
def create_keys(path: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")]) -> None:
    """Make a new keyring, readable by its owner alone; AFTERGLOW_KEYRING then names it."""
    try:
        create_keyring(path, generated=False)
    except FileExistsError:
        _fail(f"{path} exists already; nothing was changed")
    except OSError:
        _fail(f"{path} cannot be written")
    typer.echo(f"Made {path}. Keep a copy in your secret store: without it every device has to sign in again.")


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    typer.echo(orjson.dumps(create_app(_settings()).openapi(), option=orjson.OPT_INDENT_2).decode())


def main() -> None:
    """Run the command line."""
    cli()


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        names = ", ".join(f"AFTERGLOW_{str(each['loc'][0]).upper()}" for each in error.errors())
        _fail(f"these settings are not valid, see .env.example: {names}", UNSAFE)


def _migrate(settings: Settings) -> None:
    try:
        schema.migrate(settings.database_url, said=lambda line: typer.echo(f"Migrating {line}"))
    except schema.MigrationError as error:
        _fail(str(error))


def _plant(settings: Settings) -> None:
    _carried_out(demo.plant(settings))
    typer.echo(f"Demo:     {demo.EMAIL}\nPassword: {demo.PASSWORD}")


async def _added(settings: Settings, new: NewAccount) -> UUID | None:
    db = open_database(settings)
    await db.open()
    try:
        async with db.transaction() as tx:
            return await open_account(tx, new)
    finally:
        await db.close()


def _carried_out(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except Problem:
        _fail(_NO_DATABASE)


def _fail(line: str, status: int = 1) -> NoReturn:
    typer.echo(f"afterglow: {line}", err=True)
    raise typer.Exit(status)
