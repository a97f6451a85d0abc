"""Measures what the FHIR facade costs.

    uv run --group bench python -m tests.bench.fhir

It compares a search for 50 Procedures with a person's list of 50 sessions, and the PUT of a Procedure with a clinic's
push of one session. It also measures how many resources a second an export has. The rounds alternate; each figure is a
median.
"""

import asyncio
import json
import sys
import time
from functools import partial
from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from tests.bench.arena import Runner, arena
from tests.bench.clinics import Clinic, connect, measured_cost, medians, rows, say
from tests.bench.contestants import CONTESTANTS
from tests.bench.load import Conversation, ask
from tests.bench.operations import Client, again

PATIENTS: Final = 100
GOALS: Final = 100
SESSIONS: Final = 50
CHART: Final = "urn:wisteria-house:chart"
EXPORTS: Final = 3
MAX_RATIO_OF_SEARCH: Final = 4
MAX_RATIO_OF_PUT: Final = 2


def _session(patient: int, value: str) -> dict[str, Any]:
    return {
        "patient": {"system": CHART, "value": f"P-{patient}"},
        "identifier": {"system": CHART, "value": value},
        "session": {"kind": "dosing", "status": "completed", "started_at": "2026-11-20T09:30:00Z"},
    }


def _procedure(patient: str, value: str) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "identifier": [{"system": CHART, "value": value}],
        "subject": {"reference": f"Patient/{patient}"},
        "performedPeriod": {"start": "2026-11-20T09:30:00Z"},
    }


def _push_body(*sessions: dict[str, Any]) -> bytes:
    return json.dumps({"sessions": sessions}).encode()


def _push_one(clinic: Clinic) -> Conversation:
    while True:
        answer = yield clinic.request("POST", "/v1/clinic/sessions", _push_body(_session(0, uuid4().hex)))
        assert b'"applied"' in answer.body, answer.body[:500]


def _put_one(clinic: Clinic, patient: str) -> Conversation:
    while True:
        value = uuid4().hex
        path = f"/fhir/Procedure?identifier={CHART}%7C{value}"
        yield clinic.request("PUT", path, json.dumps(_procedure(patient, value)).encode())


def _json(runner: Runner, request: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(runner.address, again([request])).body)
    return found


def _path_of(url: str) -> str:
    return "/fhir" + url.partition("/fhir")[2]


def _export(runner: Runner, clinic: Clinic) -> tuple[int, float]:
    """Export everything; return the number of resources and the seconds that the downloads took."""
    asked = clinic.request("GET", "/fhir/$export").replace(b"\r\n\r\n", b"\r\nPrefer: respond-async\r\n\r\n", 1)
    head = ask(runner.address, again([asked])).head.decode().lower()
    manifest = _path_of(head.partition("content-location: ")[2].splitlines()[0])
    files = _json(runner, clinic.request("GET", manifest))["output"]
    began, count = time.perf_counter(), 0
    for each in files:
        body = ask(runner.address, again([clinic.request("GET", _path_of(each["url"]))])).body
        count += body.count(b"\n")
    return count, time.perf_counter() - began


def measure(kind: str, seconds: float, count: int) -> None:
    """Measure on one kind of database, and print the results."""
    ours = next(each for each in CONTESTANTS if each.ours)
    with arena(kind) as place:
        print(f"planting a world on {kind}", file=sys.stderr)
        world = place.world([GOALS] * PATIENTS + [0])
        patients, single = world.people[:PATIENTS], world.people[PATIENTS]
        many = asyncio.run(connect(world, patients, "Wisteria House"))
        one = asyncio.run(connect(world, [single], "Fern House"))
        runner = place.start(ours, world)
        for clinic, people in ((many, range(PATIENTS)), (one, [0] * SESSIONS)):
            body = _push_body(*(_session(number, uuid4().hex) for number in people))
            assert ask(runner.address, again([clinic.request("POST", "/v1/clinic/sessions", body)])).status == 200
        patient = _json(runner, many.request("GET", f"/fhir/Patient?identifier={CHART}%7CP-0"))["entry"][0]
        patient_id = patient["resource"]["id"]

        measured = partial(measured_cost, place, runner, seconds)
        search = f"/fhir/Procedure?_count={SESSIONS}"
        own = Client([single], ours=True).request(single, "GET", f"/v1/sessions?limit={SESSIONS}")
        searches = {
            f"a list of {SESSIONS} sessions": partial(measured, lambda: [again([own])]),
            "Procedures of one patient": partial(measured, lambda: [again([one.request("GET", search)])]),
            f"Procedures of {SESSIONS} patients": partial(measured, lambda: [again([many.request("GET", search)])]),
        }
        say(
            f"\n### FHIR, {kind}\n\n| | rate /s | server µs | database µs | ratio | wanted |\n|---|--:|--:|--:|--:|--:|"
        )
        rows(medians(searches, count), MAX_RATIO_OF_SEARCH)
        writes = {
            "a push of one session": partial(measured, lambda: [_push_one(many)]),
            "PUT of a Procedure": partial(measured, lambda: [_put_one(many, patient_id)], 201),
        }
        rows(medians(writes, count), MAX_RATIO_OF_PUT)
        exports = [_export(runner, many) for _ in range(EXPORTS)]
        rate = max(resources / spent for resources, spent in exports)
        say(f"\nAn export has {exports[0][0]:,} resources; {rate:,.0f} a second, wanted 3,000.")


def main(
    *,
    database: Annotated[str, typer.Option(help="Which, by comma.")] = "postgresql,sqlite",
    seconds: Annotated[float, typer.Option(min=0.1, max=30, help="Length of one round.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of each.")] = 5,
) -> None:
    """Measure what the FHIR facade costs."""
    for kind in database.split(","):
        measure(kind, seconds, rounds)


if __name__ == "__main__":
    typer.run(main)
