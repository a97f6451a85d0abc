"""The output of `afterglow clinic …`: lines of text, or JSON."""

import typer

from app.cli.lines import print_json, printable
from app.clinics import codes
from app.clinics.keys import describe, thumbprint
from app.clock import format_instant
from app.db import Row


def show_clinics(clinics: list[Row], *, as_json: bool) -> None:
    """Print clinics, one per line, or as JSON with `items`."""
    if as_json:
        print_json({"items": [_clinic(each) for each in clinics]})
        return
    for each in clinics:
        _echo(each["id"], each["name"], codes.show(each["share_code"]), _state(each))
    if not clinics:
        typer.echo("There is no clinic.")


def show_clinic(text: str, clinic: Row, *, changed: bool, as_json: bool) -> None:
    """Print the result of a command that can change a clinic.

    The text is `text`, the clinic's id and its share code. The JSON has the members `clinic` and `changed`.
    """
    if as_json:
        print_json({"clinic": _clinic(clinic), "changed": changed})
        return
    _echo(text)
    _echo(f"Id:         {clinic['id']}")
    _echo(f"Share code: {codes.show(clinic['share_code'])}")


def show_clients(clients: list[Row], *, as_json: bool) -> None:
    """Print clients, one per line, or as JSON with `items`."""
    if as_json:
        print_json({"items": [_client(each) for each in clients]})
        return
    for each in clients:
        _echo(each["id"], each["clinic_id"], each["purpose"], each["scopes"], _state(each))
    if not clients:
        typer.echo("There is no client.")


def show_client(text: str, client: Row, *, changed: bool, as_json: bool) -> None:
    """Print the result of a command that can change a client.

    The text is `text`, the client's id, its scopes and its purpose. The JSON has the members `client` and `changed`.
    """
    if as_json:
        print_json({"client": _client(client), "changed": changed})
        return
    _echo(text)
    _echo(f"Client id:  {client['id']}")
    _echo(f"Scopes:     {client['scopes']}")
    _echo(f"Purpose:    {client['purpose']}")


def show_keys(client: Row, *, as_json: bool) -> None:
    """Print the public keys of a client, one per line, or the client as JSON."""
    if as_json:
        print_json({"client": _client(client), "changed": False})
        return
    if client["jwks_uri"] is not None:
        _echo(f"Keys from {client['jwks_uri']}")
    for key in client["jwks"] or []:
        _echo(key["kid"], describe(key), thumbprint(key))


def _clinic(row: Row) -> Row:
    return row | {"share_code": codes.show(row["share_code"])}


def _client(row: Row) -> Row:
    keys = None if row["jwks"] is None else {"keys": row["jwks"]}
    return row | {"jwks": keys}


def _state(row: Row) -> str:
    return "active" if row["ended_at"] is None else f"ended {format_instant(row['ended_at'])}"


def _echo(*values: object) -> None:
    typer.echo("  ".join(map(printable, values)))
