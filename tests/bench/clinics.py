"""Measures what consents and the exchange with clinics cost.

    uv run --group bench python -m tests.bench.clinics

It compares POST and PATCH of owners with one live consent with those of owners without, a clinic's pull of a thousand
changes with a patient's own, and an empty pull of a clinic with 5 000 patients with that of one with ten. It also measures
how many sessions a clinic pushes a second, a hundred of a hundred patients at once, and the CPU time of a client's token.
The rounds alternate; each figure is a median.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Annotated, Final
from uuid import UUID, uuid4

import jwt
import sqlalchemy as sa
import typer
from cryptography.hazmat.primitives.asymmetric import ec

from app import clock
from app.clinics import administration
from app.clinics.administration import KeySource
from app.clinics.consent_tables import ConsentRecord, ConsentStatus, PatientIdentifier, PatientRecord
from app.clinics.keys import read_key_set
from app.clinics.scopes import SUPPORTED, render
from app.clinics.tables import Purpose
from app.db import Statement, bind, bulk_insert, open_database
from app.identity import Feed
from app.identity.tokens import Tokens
from app.keyring import Keyring
from app.records import coverage
from app.records.tables import Change
from app.resources.intentions import INTENTIONS
from tests.bench import machine
from tests.bench.arena import Arena, Runner, arena
from tests.bench.contestants import CONTESTANTS
from tests.bench.load import Conversation, ask, drive
from tests.bench.operations import Client, again, patch, post, pull
from tests.bench.planting import Person
from tests.bench.world import ISSUER, World, settings_for
from tests.clinics.clients import form
from tests.clinics.keys import ec_key, key_set, public_jwk

OWNERS: Final = 100
RECORDS: Final = 100
FEW: Final = 10
MANY: Final = 5000
CONNECTIONS: Final = 8
TOKENS: Final = 400
MICRO: Final = 1e6
SYSTEM: Final = "urn:wisteria-house:chart"
_feed, _change, _intention = Feed.table(), Change.table(), INTENTIONS.table
_INSERT_PATIENTS: Final = bulk_insert(PatientRecord.table())
_INSERT_CONSENTS: Final = bulk_insert(ConsentRecord.table())
_INSERT_IDENTIFIERS: Final = bulk_insert(PatientIdentifier.table())
_COUNT: Final = Statement(
    sa.update(_feed).where(_feed.c.owner_id == bind(_feed.c.owner_id)).values(consents=_feed.c.consents + 1)
)
_SHARE: Final = tuple(
    Statement(sa.update(table).where(table.c.owner_id == bind(table.c.owner_id)).values(visibility="shared"))
    for table in (_intention, _change)
)


@dataclass(frozen=True)
class Clinic:
    """A clinic with a client."""

    client_id: UUID
    token: str

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Return the bytes of a request."""
        typed = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n{typed}\r\n"
        return head.encode() + body


@dataclass(frozen=True)
class Cost:
    """The rate of responses, and microseconds of CPU time of the server and of the database for each."""

    rate: float
    server: float
    database: float

    @property
    def both(self) -> float:
        """Microseconds of both."""
        return self.server + self.database


async def connect(world: World, people: Sequence[Person], name: str) -> Clinic:
    """Add a clinic to which these people share their intentions, and which may push their sessions."""
    settings = settings_for(world.url, world.keyring)
    db = open_database(settings)
    await db.open()
    keys, scopes = KeySource(read_key_set(key_set(public_jwk(ec_key(), "ec"))), None), render(SUPPORTED)
    async with db.transaction() as tx:
        clinic = await administration.add_clinic(tx, name, None)
        client = await administration.add_client(tx, clinic["id"], keys, scopes, Purpose.TREATMENT)
    assert client is not None
    now, clinic_id = clock.now(), clinic["id"]
    for start in range(0, len(people), 500):
        async with db.transaction() as tx:
            for number, person in enumerate(people[start : start + 500], start):
                patient_id, consent_id = uuid4(), uuid4()
                key = {"clinic_id": clinic_id, "owner_id": person.id}
                consent = dict.fromkeys(str(column.name) for column in ConsentRecord.table().c) | key
                consent |= {"id": consent_id, "patient_id": patient_id, "status": ConsentStatus.ACTIVE, "head": 1}
                consent |= {"shares": ["intentions"], "receives": True, "purpose": Purpose.TREATMENT}
                consent |= {"created_at": now, "updated_at": now}
                identifier = {
                    "clinic_id": clinic_id,
                    "system": SYSTEM,
                    "value": f"P-{number}",
                    "patient_id": patient_id,
                }
                change = {"owner_id": person.id, "version": 1, "changed_at": now}
                connection = coverage.item(
                    clinic_id, coverage.CONNECTIONS, patient_id, 1, removed=False, changed_at=now
                )
                await tx.write((_INSERT_PATIENTS, [key | {"id": patient_id}]))
                await tx.write((_INSERT_CONSENTS, [consent]))
                await tx.write((_INSERT_IDENTIFIERS, [identifier]))
                await tx.write((coverage.UPSERT_ITEMS, [connection | {"owner_id": person.id}]))
                await tx.run(_COUNT, owner_id=person.id)
                for statement in _SHARE:
                    await tx.run(statement, owner_id=person.id)
                await tx.run(coverage.deliver(INTENTIONS), id=consent_id, **change)
    await db.run(Statement(sa.text("ANALYZE")))  # type: ignore[arg-type]
    await db.close()
    token = Tokens(settings, Keyring(world.keyring)).issue_to_client(client["id"], scopes)
    return Clinic(client["id"], token)


def measured_cost(
    place: Arena, runner: Runner, seconds: float, talk: Callable[[], list[Conversation]], status: int = 200
) -> Cost:
    """Return the costs of the responses to conversations, all of which must have this status."""
    database, server = place.database_seconds(), machine.cpu_seconds(runner.process.pid)
    seen = drive(runner.address, talk(), seconds, status)
    assert not seen.failures, f"{seen.failures} of {len(seen.waits)} were not answered with {status}"
    count = len(seen.waits)
    server = machine.cpu_seconds(runner.process.pid) - server
    return Cost(count / seen.seconds, server / count * MICRO, (place.database_seconds() - database) / count * MICRO)


def push(clinic: Clinic) -> Conversation:
    """Push a session of each of the hundred patients."""
    while True:
        run = uuid4().hex
        sessions = [
            {
                "patient": {"system": SYSTEM, "value": f"P-{number}"},
                "identifier": {"system": SYSTEM, "value": f"{run}-{number}"},
                "session": {"kind": "dosing", "status": "completed", "started_at": "2026-11-20T09:30:00Z"},
            }
            for number in range(OWNERS)
        ]
        answer = yield clinic.request("POST", "/v1/clinic/sessions", json.dumps({"sessions": sessions}).encode())
        assert answer.body.count(b'"applied"') == OWNERS, answer.body[:500]


def _last_cursor(runner: Runner, clinic: Clinic) -> str:
    """Return the cursor with which a clinic has pulled everything."""
    cursor, more = "0", True
    while more:
        request = clinic.request("GET", f"/v1/clinic/changes?limit=1000&since={cursor}")
        page = json.loads(ask(runner.address, again([request])).body)
        cursor, more = page["cursor"], page["has_more"]
    return str(cursor)


def _tokens(runner: Runner, clinic: Clinic, key: ec.EllipticCurvePrivateKey) -> float:
    """Return the microseconds of the server's CPU time for a token. Each assertion is used once."""
    requests = []
    for _ in range(TOKENS):
        claims: dict[str, object] = {
            "iss": str(clinic.client_id),
            "sub": str(clinic.client_id),
            "aud": f"{ISSUER}/oauth/token",
        }
        claims |= {"exp": int(time.time()) + 240, "jti": uuid4().hex}
        assertion = jwt.encode(claims, key, "ES384", headers={"kid": "ec"})
        body = "&".join(f"{name}={value.replace(':', '%3A')}" for name, value in form(assertion).items()).encode()
        head = "POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        requests.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    before = machine.cpu_seconds(runner.process.pid)
    for request in requests:
        assert ask(runner.address, again([request])).status == 200
    return (machine.cpu_seconds(runner.process.pid) - before) / TOKENS * MICRO


def medians(ways: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, Cost]:
    """Return the median of each way's rounds, which alternate."""
    seen: dict[str, list[Cost]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            cost = way()
            if number:  # the first round warms up
                seen[name].append(cost)
    return {
        name: Cost(*(median(getattr(each, field) for each in costs) for field in ("rate", "server", "database")))
        for name, costs in seen.items()
    }


def measure(kind: str, seconds: float, rounds: int) -> None:
    """Measure on one kind of database, and print the results."""
    ours = next(each for each in CONTESTANTS if each.ours)
    with arena(kind) as place:
        print(f"planting a world on {kind}", file=sys.stderr)
        world = place.world([RECORDS] * (2 * OWNERS) + [1000] + [0] * MANY)
        plain, connected = world.people[:OWNERS], world.people[OWNERS : 2 * OWNERS]
        large, others = world.people[2 * OWNERS], world.people[2 * OWNERS + 1 :]
        house = asyncio.run(connect(world, connected, "Wisteria House"))
        readers = asyncio.run(connect(world, [large], "Fern House"))
        few = asyncio.run(connect(world, others[:FEW], "Small House"))
        many = asyncio.run(connect(world, others, "Large House"))
        runner = place.start(ours, world, throttle_tokens="1000000")
        measured = partial(measured_cost, place, runner, seconds)

        say(
            f"\n### Clinics, {kind}\n\n| | rate /s | server µs | database µs | ratio | wanted |\n|---|--:|--:|--:|--:|--:|"
        )
        for name, talk, status in (("POST", post, 201), ("PATCH", patch, 200)):
            ways = {
                f"{name}, {consents}": partial(measured, partial(_of_owners, talk, people), status)
                for consents, people in {"without consents": plain, "with one consent": connected}.items()
            }
            rows(medians(ways, rounds), 1.25)
        pulled = readers.request("GET", "/v1/clinic/changes?since=0&limit=1000")
        pulls = {
            "a patient's pull of 1 000": partial(measured, lambda: [pull(Client([large], ours=True))]),
            "a clinic's pull of 1 000": partial(measured, lambda: [again([pulled])]),
        }
        rows(medians(pulls, rounds), 2.5)
        cursors = {FEW: (few, _last_cursor(runner, few)), MANY: (many, _last_cursor(runner, many))}
        empty = {
            f"an empty pull, {count:,} patients": partial(measured, partial(_reading, clinic, cursor))
            for count, (clinic, cursor) in cursors.items()
        }
        rows(medians(empty, rounds), 1.5)
        pushed = medians({"push": partial(measured, lambda: [push(house)])}, rounds)["push"]
        say(f"\nOne client pushes {pushed.rate * OWNERS:,.0f} sessions a second, wanted 1,000 on PostgreSQL.")
        say(f"A token costs the server {_tokens(runner, readers, ec_key()):,.0f} µs, wanted 2,000.")


def _of_owners(talk: Callable[[Client], Conversation], people: Sequence[Person]) -> list[Conversation]:
    return [talk(Client([*people[each::CONNECTIONS]], ours=True)) for each in range(CONNECTIONS)]


def _reading(clinic: Clinic, cursor: str) -> list[Conversation]:
    return [again([clinic.request("GET", f"/v1/clinic/changes?since={cursor}")])]


def say(line: str) -> None:
    """Print a line of the report at once."""
    print(line, flush=True)


def rows(found: dict[str, Cost], wanted: float) -> None:
    """Print a row for each cost, with its ratio to the first one, and the highest ratio that is wanted."""
    first = next(iter(found.values()))
    for name, cost in found.items():
        ratio = "" if cost is first else f"{cost.both / first.both:.2f} | {wanted:g}"
        say(f"| {name} | {cost.rate:,.0f} | {cost.server:,.0f} | {cost.database:,.0f} | {ratio or ' | '} |")


def main(
    *,
    database: Annotated[str, typer.Option(help="Which, by comma.")] = "postgresql,sqlite",
    seconds: Annotated[float, typer.Option(min=0.1, max=30, help="Length of one round.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of each.")] = 5,
) -> None:
    """Measure what clinics cost."""
    for kind in database.split(","):
        measure(kind, seconds, rounds)


if __name__ == "__main__":
    typer.run(main)
