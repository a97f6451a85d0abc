"""The commands `afterglow account …`."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import TypeAdapter, ValidationError

from app import clock
from app.cli import account_lines
from app.cli.account_lines import Changed
from app.cli.auditing import audit
from app.cli.confirming import confirm
from app.cli.database import run, with_database
from app.cli.errors import fail, load_settings, open_keyring
from app.cli.passwords import PasswordFile, read_password
from app.clinics.consent_tables import EndedBy
from app.composition import build_services
from app.db import Database, Row
from app.identity import administration, device_sessions, second_factor, throttles
from app.identity.accounts import NewAccount, create_account
from app.identity.administration import AccountFilter
from app.identity.buckets import of_account
from app.identity.fields import EmailAddress, email_key
from app.identity.notices import notify
from app.identity.passwords import hashed_now
from app.identity.tables import Role
from app.keyring import Keyring, KeyringError
from app.leaving import closing
from app.records.access import COUNT_RECORDS
from app.resources import RESOURCES
from app.settings import Notice, Settings

cli = typer.Typer()
_account = typer.Typer(help="Manage accounts.", no_args_is_help=True)
cli.add_typer(_account, name="account")
Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's e-mail address or id.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@_account.command("add")
def add_account(
    email: Annotated[str, typer.Argument(help="The account's e-mail address. It counts as verified.")],
    *,
    role: Annotated[Role, typer.Option(help="The account's role.")] = Role.PERSON,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Add an account.

    The password (8 to 256 characters) is read from --password-file if that is given, from standard input if that is not
    a terminal, and otherwise from a prompt.
    """
    settings = load_settings()
    try:
        TypeAdapter(EmailAddress).validate_python(email)
    except ValidationError:
        fail("not an e-mail address")
    new, keyring = NewAccount(email, hashed_now(read_password(password_file, email)), role=role), open_keyring(settings)

    async def add(db: Database) -> Row | None:
        async with db.transaction() as tx:
            id = await create_account(tx, keyring, new)
            return None if id is None else await administration.find(tx, str(id))

    added = run(with_database(settings, add))
    if added is None:
        fail(f"an account with the e-mail address {email} already exists; nothing was changed")
    audit("account add", account_id=added["id"], role=role)
    account_lines.show_change(f"Added {email} as {role}.", Changed(added), as_json=as_json)


@_account.command("list")
def list_accounts(
    *,
    role: Annotated[Role | None, typer.Option(help="Only accounts with this role.", show_default=False)] = None,
    closed: Annotated[
        bool | None,
        typer.Option("--closed/--open", help="Only closed accounts, or only open ones.", show_default=False),
    ] = None,
    email: Annotated[
        str | None, typer.Option(help="Only accounts whose e-mail address contains this.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of accounts.")] = 50,
    after: Annotated[
        UUID | None, typer.Option(metavar="ID", help="Continue after this account.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List accounts, newest first."""

    async def read(db: Database) -> list[Row]:
        return await administration.page(db, AccountFilter(role, closed, email), limit + 1, after)

    found = run(with_database(load_settings(), read))
    account_lines.show_page(found[:limit], has_more=len(found) > limit, as_json=as_json)


@_account.command("show")
def show_account(name: Name, *, as_json: AsJson = False) -> None:
    """Show an account: its role and state, its second factor, the devices that are signed in, and how many records of
    each kind it has.

    What a person wrote is not shown, except the names of the account and of the devices.
    """
    settings = load_settings()

    async def read(db: Database) -> Row:
        account = await _found(db, name)
        counts = {row["collection"]: row["count"] for row in await db.all(COUNT_RECORDS, owner_id=account["id"])}
        return account | {
            "devices": await device_sessions.signed_in_devices(db, settings, account["id"]),
            "records": {each.collection: counts.get(each.collection, 0) for each in RESOURCES},
            "second_factor": await second_factor.state(db, account["id"]),
        }

    account_lines.show_account(run(with_database(settings, read)), as_json=as_json)


@_account.command("close")
def close_account(
    name: Name,
    *,
    erase: Annotated[bool, typer.Option("--erase", help="Erase the account after AFTERGLOW_REOPEN_DAYS days.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation at a terminal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close an account. Its devices are signed out, and nobody can sign in to it.

    Its consents for clinics and its calendar links end permanently. Its records are kept, unless --erase is given.
    `afterglow account reopen` reopens the account, until it is erased.
    """
    settings = load_settings()
    erase_at = clock.now() + timedelta(days=settings.reopen_days) if erase else None
    confirm(f"Close the account {name}?", yes=yes)
    keyring = open_keyring(settings)

    async def close(db: Database, account: Row) -> Changed:
        if account["closed_at"] is not None and (erase_at is None or account["erase_at"] is not None):
            return Changed(account, changed=False)
        services = build_services(settings, db, keyring)
        async with db.transaction() as tx:
            closed = await closing.close(tx, services, account["id"], EndedBy.OPERATOR, erase_at)
        closed.consents.announce()
        return Changed(account, closed.devices)

    changed = _change("close", name, close)
    text = (
        f"Closed {changed.account['email']}." if changed.changed else f"{changed.account['email']} is already closed."
    )
    account_lines.show_change(text, changed, as_json=as_json)


@_account.command("reopen")
def reopen_account(name: Name, *, as_json: AsJson = False) -> None:
    """Reopen a closed account: its owner can sign in again."""

    async def reopen(db: Database, account: Row) -> Changed:
        if account["closed_at"] is None:
            return Changed(account, changed=False)
        async with db.transaction() as tx:
            if not await closing.reopen(tx, account["id"]):
                fail("the account is being erased; nothing was changed")
        return Changed(account)

    changed = _change("reopen", name, reopen)
    text = f"Reopened {changed.account['email']}." if changed.changed else f"{changed.account['email']} is not closed."
    account_lines.show_change(text, changed, as_json=as_json)


@_account.command("role")
def change_role(
    name: Name,
    role: Annotated[Role, typer.Argument(help="The new role.", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Change an account's role. The new role applies from the next request on, even with an older access token."""

    async def change(db: Database, account: Row) -> Changed:
        if account["role"] == role:
            return Changed(account, changed=False)
        async with db.transaction() as tx:
            await administration.change_role(tx, account["id"], role)
        return Changed(account)

    changed = _change("role", name, change)
    verb = "is now" if changed.changed else "already has the role"
    account_lines.show_change(f"{changed.account['email']} {verb} {role}.", changed, as_json=as_json)


@_account.command("sign-out")
def sign_out(
    name: Name,
    *,
    device: Annotated[
        UUID | None,
        typer.Option(metavar="ID", help="Only this device, as listed by `afterglow account show`.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign out every device of an account, or one device. Tokens of these devices are refused from then on."""

    async def end(db: Database, account: Row) -> Changed:
        if device is None:
            async with db.transaction() as tx:
                devices = await administration.sign_out(tx, account["id"])
        else:
            devices = int(await device_sessions.end_device(db, account["id"], device))
            if not devices:
                fail(f"the account has no signed-in device {device}; nothing was changed")
        return Changed(account, devices, changed=devices > 0)

    changed = _change("sign-out", name, end)
    text = f"Signed out {changed.account['email']}." if changed.changed else "No device is signed in."
    account_lines.show_change(text, changed, as_json=as_json)


@_account.command("set-password")
def set_password(name: Name, *, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Set an account's password, sign out its devices, and reset the count of its failed attempts to sign in.

    The password (8 to 256 characters) is read from --password-file if that is given, from standard input if that is not
    a terminal, and otherwise from a prompt.
    """
    settings = load_settings()
    keyring = _keyring(settings)
    found = run(with_database(settings, lambda db: _found(db, name)))  # before the prompt
    password_hash = hashed_now(read_password(password_file, found["email"]))

    async def change(db: Database, account: Row) -> Changed:
        if account["closed_at"] is not None:
            fail("the account is closed; nothing was changed (see `afterglow account reopen`)")
        async with db.transaction() as tx:
            devices = await administration.set_password(tx, account["id"], password_hash)
            if keyring is not None:
                await throttles.reset(
                    tx, of_account(build_services(settings, db, keyring), email_key(account["email"]))
                )
        return Changed(account, devices)

    changed = _change("set-password", name, change)
    account_lines.show_change(f"Set the password of {changed.account['email']}.", changed, as_json=as_json)


@_account.command("second-factor-off")
def turn_second_factor_off(
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation at a terminal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn the second factor of an account off, for a person who lost the authenticator app and the recovery codes.

    First make sure that the request comes from the account's owner: afterwards, a sign-in needs only the password. The
    owner gets an e-mail. Devices stay signed in.
    """
    settings = load_settings()
    confirm(f"Turn the second factor of {name} off?", yes=yes)
    keyring = open_keyring(settings)

    async def turn_off(db: Database, account: Row) -> Changed:
        async with db.transaction() as tx:
            was_on = await second_factor.turn_off(tx, account["id"])
            if was_on:
                await notify(tx, build_services(settings, db, keyring), account["id"], Notice.SECOND_FACTOR_OFF)
        return Changed(account, changed=was_on)

    changed = _change("second-factor-off", name, turn_off)
    state = "is now" if changed.changed else "was already"
    account_lines.show_change(f"The second factor of {changed.account['email']} {state} off.", changed, as_json=as_json)


def _change(command: str, name: str, change: Callable[[Database, Row], Coroutine[Any, Any, Changed]]) -> Changed:
    """Find the account whose e-mail address or id is `name`, call `change` with it, and return the result of `change`.

    The account in the result is read again after the change. Print an audit line if the account has changed.
    """

    async def work(db: Database) -> Changed:
        account = await _found(db, name)
        result = await change(db, account)
        return result._replace(account=await _found(db, str(account["id"])))

    changed = run(with_database(load_settings(), work))
    if changed.changed:
        audit(f"account {command}", account_id=changed.account["id"])
    return changed


async def _found(db: Database, name: str) -> Row:
    """Return the account whose e-mail address or id is `name`; exit with an error line if there is none."""
    account = await administration.find(db, name)
    if account is None:
        fail(f"no account has the e-mail address or id {name}; nothing was changed")
    return account


def _keyring(settings: Settings) -> Keyring | None:
    """Return the keyring, or None if its file does not exist yet. Exit with an error line if the file cannot be used.

    The command needs the keyring's secret to find the count of an account's failed attempts to sign in.
    """
    try:
        return Keyring(settings.keyring) if settings.keyring.exists() else None
    except KeyringError as error:
        fail(f"{error}; nothing was changed")
