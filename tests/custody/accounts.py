"""Helpers of the tests of leaving: closing an account, filling it, and looking for what is left of it."""

from uuid import UUID

import sqlalchemy as sa

from app.db import Statement
from app.ids import is_id, new_id
from app.jobs import JobRecord
from app.leaving import personal_rows
from app.resources import RESOURCES
from tests.consents.clinic import give, new_clinic
from tests.drafts import create_record
from tests.house.commands import Result, afterglow
from tests.rows import dump_database
from tests.serving import PASSWORD, Person, Server
from tests.sync.sync_client import SyncClient, edit
from tests.waiting import wait_until
from tests.witness import Client

_JOBS = Statement(sa.select(JobRecord.table()))


def close(person: Person, **members: object) -> str:
    """Close a person's account; return the day of its erasure."""
    response = person.client.post("/v1/me/close", json={"password": PASSWORD, **members})
    assert response.status_code == 202, response.text
    return str(response.json()["erased_on"])


def reopen(client: Client, email: str, code: str) -> int:
    """Reopen an account; return the status."""
    return client.post("/v1/auth/reopen", json={"email": email, "code": code}).status_code


def login(client: Client, email: str) -> int:
    """Sign in; return the status."""
    return client.post("/v1/auth/login", json={"email": email, "password": PASSWORD}).status_code


def variables(server: Server, **settings: str) -> dict[str, str]:
    """Return the settings of commands on the server's database, keyring and ledger."""
    own = server.settings
    mail = {"mail": "smtp", "smtp_host": own.smtp_host, "smtp_port": str(own.smtp_port), "smtp_starttls": "false"}
    values = {"database_url": own.database_url, "keyring": str(own.keyring), "ledger": str(own.ledger_file)}
    return values | mail | settings


def command(server: Server, *arguments: str, **settings: str) -> Result:
    """Run a command on the server's database and keyring."""
    return afterglow(*arguments, **variables(server, **settings))


def traces(server: Server, *names: str) -> list[str]:
    """Return the names that are still in any column of any table; ids also as they are stored."""
    found = dump_database(server)
    lower = found.lower()
    return [
        name
        for name in names
        if name.encode() in lower or (is_id(name) and (UUID(name).hex.encode() in lower or UUID(name).bytes in found))
    ]


def rows_left(server: Server, person: Person) -> dict[str, int]:
    """Return how many rows of the person each table has, for those that have any."""
    counts = {}
    for deletion in personal_rows.deletions():
        condition = personal_rows.belongs(deletion.table)
        assert condition is not None
        count = Statement(sa.select(sa.func.count().label("rows")).select_from(deletion.table).where(condition))
        row = server.run(server.db.only(count, owner_id=person.id, email_key=person.email))
        counts[deletion.table.name] = int(row["rows"])
    return {name: count for name, count in counts.items() if count}


def fill(server: Server, person: Person) -> list[str]:
    """Write something of a person through every door; return the ids of the records and devices."""
    records = [create_record(person.client, resource, person) for resource in RESOURCES for _ in range(3)]
    first = create_record(person.client, RESOURCES[2], person)
    create_record(person.client, RESOURCES[2], person, derived_from_id=first["id"])
    give(person, new_clinic(server))
    sync = SyncClient(person)
    sync.pull()
    person.client.delete(f"{RESOURCES[0].path}/{records[0]['id']}", headers={"If-Match": "*"})
    sync.push_applied(edit(first, set={"statement": "wisteria again"}, op_id=str(new_id())))
    other = server.on_another_device(person).client
    change = {"notes": "wisteria, later"}
    assert (
        other.patch(f"{RESOURCES[0].path}/{records[1]['id']}", json=change, headers={"If-Match": "*"}).status_code
        == 200
    )
    person.client.post("/v1/me/email", json={"password": PASSWORD, "email": f"new.{person.email}"})
    server.anyone.post("/v1/auth/register", json={"email": person.email, "password": PASSWORD})
    server.anyone.post("/v1/auth/password/forgot", json={"email": person.email})
    person.client.post("/v1/calendar-links", json={"label": "wisteria"})
    login(server.anyone, person.email)
    server.anyone.post("/v1/auth/login", json={"email": person.email, "password": "wisteria?"})
    devices = [each["id"] for each in person.client.get("/v1/auth/devices").json()["items"]]
    return [*(each["id"] for each in records), first["id"], *devices]


def without_jobs(server: Server) -> None:
    """Wait until every job is done."""
    wait_until(lambda: server.run(server.db.all(_JOBS)) == [])
