"""Measures the cost of views: of an account with a year of practices, check-ins and questionnaires.

    uv run python -m tests.bench.views

The application runs in this process, on SQLite and on PostgreSQL. A cost is the CPU time of the process per request, the
median of the rounds; on SQLite it includes the database.
"""

import asyncio
import gc
import json
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final

import typer

from app import clock, demo
from app.db import schema
from app.ids import new_id
from app.keyring.rotation import create_keyring
from app.main import create_app
from app.settings import Settings
from tests import postgres

YEAR: Final = timedelta(days=365)
PRACTICES: Final = 10
ENTRIES: Final = 300
CHECK_INS: Final = 60
ASSESSMENTS: Final = 12
ELEMENTS: Final = 50
REQUESTS: Final = 100
PUSHED: Final = 100
"""How many operations a push has."""
MAX_RATIO_OF_NOT_MODIFIED: Final = 1.3
GOALS: Final = {"today": 15_000, "progress": 30_000, "timeline of 50": None, "chain of 100": 5_000, "search": 15_000}
"""The highest cost in microseconds; the one of the timeline is 1.3 times that of a list."""
MAX_RATIO_OF_TIMELINE: Final = 1.3
Json = dict[str, Any]


class Caller:
    """Sends requests to an application in this process, as the demo person."""

    def __init__(self, app: Any) -> None:
        """Take the application, which is running."""
        self._app = app
        self._headers: list[tuple[bytes, bytes]] = [(b"host", b"127.0.0.1"), (b"accept", b"*/*")]

    async def sign_in(self) -> None:
        """Sign in."""
        credentials = {"email": demo.EMAIL, "password": demo.PASSWORD}
        token = (await self.json("POST", "/v1/auth/login", credentials))["access_token"]
        self._headers.append((b"authorization", b"Bearer " + token.encode()))

    async def send(
        self, method: str, url: str, sent: Json | None = None, tag: bytes | None = None
    ) -> tuple[Json, bytes]:
        """Return the start and the body of a response."""
        path, _, query = url.partition("?")
        body = b"" if sent is None else json.dumps(sent).encode()
        headers = [*self._headers, *([(b"content-type", b"application/json")] if body else [])]
        headers += [] if tag is None else [(b"if-none-match", tag)]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "state": {},
        }
        parts: list[Json] = []

        async def receive() -> Json:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Json) -> None:
            parts.append(message)

        await self._app(scope, receive, send)
        assert parts[0]["status"] < 400, parts
        return parts[0], bytes(parts[1]["body"])

    async def json(self, method: str, url: str, sent: Json | None = None) -> Json:
        """Return the body of a response as JSON."""
        found: Json = json.loads((await self.send(method, url, sent))[1])
        return found

    async def cost(self, method: str, url: str, sent: Json | None = None, tag: bytes | None = None) -> float:
        """Return the CPU time of a request in microseconds."""
        await self.send(method, url, sent, tag)
        gc.collect()
        gc.disable()
        began = time.process_time()
        for _ in range(REQUESTS):
            await self.send(method, url, sent, tag)
        spent = time.process_time() - began
        gc.enable()
        return spent / REQUESTS * 1e6


def a_year() -> Iterator[tuple[str, Json]]:
    """Yield the collection and the fields of each record of a year."""
    now = clock.now()
    session, practices = str(new_id()), [str(new_id()) for _ in range(PRACTICES)]
    start = now - YEAR
    times = {"started_at": clock.format_instant(start), "ended_at": clock.format_instant(start + timedelta(hours=2))}
    yield "sessions", {"id": session, "kind": "dosing", "status": "completed", **times}
    for number, id in enumerate(practices):
        rule = {"from_on": str(start.date()), "rule": "FREQ=WEEKLY;BYDAY=MO,WE,FR", "times_per_week": None}
        span = rule if number % 2 else rule | {"rule": None, "times_per_week": 3}
        yield "practices", {"id": id, "title": f"Practice {number}", "at": "07:30", "schedule": [span]}
    for number in range(ENTRIES):
        day = start + number * YEAR / ENTRIES
        yield (
            "practice-entries",
            {"practice_id": practices[number % PRACTICES], "day": str(day.date()), "note": "An hour."},
        )
    for number in range(CHECK_INS):
        taken_at = clock.format_instant(start + number * YEAR / CHECK_INS)
        yield "check-ins", {"taken_at": taken_at, "mood": number % 11, "energy": 5, "sleep_minutes": 430}
    for number in range(ASSESSMENTS):
        taken_at = clock.format_instant(start + number * YEAR / ASSESSMENTS)
        yield "assessments", {"instrument": "phq-9", "answers": [number % 4] * 8 + [0, 1], "taken_at": taken_at}
    for _ in range(ELEMENTS):
        element = str(new_id())
        yield "elements", {"id": element, "session_id": session, "kind": "memory", "title": "Snow", "meaning": "Quiet."}
        intention = {"kind": "integration", "statement": "I stay.", "session_id": session, "element_id": element}
        yield "intentions", intention | {"id": str(new_id())}


async def plant(caller: Caller) -> str:
    """Create the year's records; return the session's id."""
    records = list(a_year())
    ops = [
        {"op": "upsert", "collection": collection, "id": fields.get("id", str(new_id()))}
        | {"set": {name: value for name, value in fields.items() if name != "id"}}
        for collection, fields in records
    ]
    for begin in range(0, len(ops), PUSHED):
        pushed = await caller.json("POST", "/v1/sync/push", {"ops": ops[begin : begin + PUSHED]})
        assert {each["outcome"] for each in pushed["results"]} == {"applied"}, pushed
    session: str = records[0][1]["id"]
    return session


@asynccontextmanager
async def signed_in(url: str, keyring: Path) -> AsyncIterator[Caller]:
    """Run an application on a database with the demo data until the block ends."""
    settings = Settings(database_url=url, keyring=keyring)
    app = create_app(settings)
    await demo.create_demo(settings)
    async with app.router.lifespan_context(app):
        caller = Caller(app)
        await caller.sign_in()
        yield caller


async def measured(url: str, keyring: Path, rounds: int) -> dict[str, float]:
    """Return the median cost of each request, in microseconds."""
    async with signed_in(url, keyring) as caller:
        session = await plant(caller)
        newest = (await caller.json("GET", "/v1/intentions"))["items"][0]["id"]
        words = {"q": "nothing has these words"}
        requests: dict[str, tuple[str, str, Json | None]] = {
            "GET one": ("GET", f"/v1/intentions/{newest}", None),
            "list 50": ("GET", "/v1/practice-entries?limit=50", None),
            "today": ("GET", "/v1/today?days=14", None),
            "progress": ("GET", f"/v1/progress?from={clock.now() - YEAR:%Y-%m-%d}", None),
            "chart": ("GET", "/v1/progress/chart.svg?measure=phq-9", None),
            "inbox": ("GET", "/v1/inbox", None),
            "timeline of 50": ("GET", "/v1/timeline?limit=50", None),
            "chain of 100": ("GET", f"/v1/chain/{session}?collection=sessions", None),
            "search": ("POST", "/v1/search", words),
        }
        tags = {}
        for name, request in requests.items():
            headers = dict((await caller.send(*request))[0]["headers"])
            if name not in {"GET one", "list 50"} and b"etag" in headers:
                tags[f"{name}, 304"] = (*request, headers[b"etag"])
        costs = [{name: await caller.cost(*each) for name, each in (requests | tags).items()} for _ in range(rounds)]
    return {name: median(each[name] for each in costs) for name in costs[0]}


def report(database: str, costs: dict[str, float]) -> None:
    """Print the costs of a database, and whether each goal is met."""
    goals = GOALS | {"timeline of 50": MAX_RATIO_OF_TIMELINE * costs["list 50"]}
    print(f"\n| {database} | µs | goal |\n|---|--:|---|")
    for name, cost in costs.items():
        goal = MAX_RATIO_OF_NOT_MODIFIED * costs["GET one"] if name.endswith("304") else goals.get(name)
        said = "" if goal is None else f"≤ {goal:.0f}: {'met' if cost <= goal else 'not met'}"
        print(f"| {name} | {cost:.0f} | {said} |")


def main(rounds: Annotated[int, typer.Option(min=1)] = 5) -> None:
    """Measure the cost of views on both databases."""
    logging.getLogger("afterglow").addHandler(logging.NullHandler())
    logging.getLogger("afterglow").propagate = False
    with tempfile.TemporaryDirectory() as folder, postgres.running() as remote:
        for name, url in (("SQLite", f"sqlite:///{folder}/year.db"), ("PostgreSQL", remote)):
            keyring = Path(folder) / f"{name}.json"
            schema.migrate(url)
            create_keyring(keyring, generated=True)
            report(name, asyncio.run(measured(url, keyring, rounds)))


if __name__ == "__main__":
    typer.run(main)
