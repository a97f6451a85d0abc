"""The output of `afterglow account …`: lines of text, or JSON."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import typer

from app.cli.lines import print_json, printable
from app.clock import format_instant
from app.db import Row


class Changed(NamedTuple):
    """The result of a command that can change an account.

    It contains the account after the command, the number of devices that were signed out, and whether anything changed.
    """

    account: Row
    devices: int = 0
    changed: bool = True


def show_page(accounts: list[Row], *, has_more: bool, as_json: bool) -> None:
    """Print accounts, one per line, or as JSON with `items` and `next`.

    `next` is the id after which the next page starts, null on the last page.
    """
    following = accounts[-1]["id"] if has_more else None
    if as_json:
        print_json({"items": accounts, "next": following})
        return
    for account in accounts:
        typer.echo("  ".join(map(printable, (account["id"], account["email"], account["role"], _state(account)))))
    if not accounts:
        typer.echo("No account matches.")
    if has_more:
        typer.echo(f"There are more: repeat the command with --after {following}.")


def show_account(account: Row, *, as_json: bool) -> None:
    """Print an account with its `devices` and the number of its `records` of each kind, as lines or as JSON."""
    if as_json:
        print_json(account)
        return
    names = {"email": "E-mail address", "id": "Id", "display_name": "Name", "role": "Role", "timezone": "Time zone"}
    lines: list[tuple[str, object]] = [(text, account[name] or "-") for name, text in names.items()]
    lines += [
        ("Language", account["locale"]),
        ("Region", account["region"] or "-"),
        ("State", _state(account)),
        ("Created", account["created_at"]),
        ("Changed", account["updated_at"]),
        ("Second factor", _second_factor(account["second_factor"])),
        ("Records", ", ".join(f"{name} {count}" for name, count in account["records"].items())),
        ("Devices", f"{len(account['devices'])} signed in" + (":" if account["devices"] else "")),
    ]
    for text, value in lines:
        typer.echo(f"{text + ':':<16}{printable(value)}")
    for device in account["devices"]:
        parts = (device["id"], device["name"] or "-", "since", device["created_at"], "used", device["last_used_at"])
        typer.echo("  " + "  ".join(map(printable, parts)))


def show_change(text: str, change: Changed, *, as_json: bool) -> None:
    """Print the result of a command that can change an account.

    The text is `text` and the number of devices that were signed out. The JSON has the members `account`, `changed` and
    `devices_signed_out`.
    """
    if as_json:
        print_json({"account": change.account, "changed": change.changed, "devices_signed_out": change.devices})
    else:
        typer.echo(printable(text) + (f" Devices signed out: {change.devices}." if change.devices else ""))


def _second_factor(state: Mapping[str, Any]) -> str:
    if not state["enabled"]:
        return "off"
    return f"on since {format_instant(state['enabled_at'])}, {state['recovery_codes']} recovery codes left"


def _state(account: Mapping[str, Any]) -> str:
    closed_at, erase_at = account["closed_at"], account["erase_at"]
    if closed_at is None:
        return "open"
    return f"closed {format_instant(closed_at)}" + (f", erased {format_instant(erase_at)}" if erase_at else "")
