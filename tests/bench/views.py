"""Measures the cost of views: of an account with a year of practices, check-ins and questionnaires.

A search is measured in another account, which has as many records as a page of a search looks at.

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
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final

import typer

from app import clock
from app.db import open_database, schema
from app.identity.accounts import NewAccount, create_account
from app.identity.passwords import hashed_now
from app.ids import new_id
from app.keyring import Keyring
from app.keyring.rotation import create_keyring
from app.main import create_app
from app.settings import Settings
from tests import postgres

YEAR: Final = timedelta(days=365)
PRACTICES: Final = 10
ENTRIES: Final = 300
CHECK_INS: Final = 60
ASSESSMENTS: Final = 12
ELEMENTS: Final = 51
"""The number of elements, and of intentions: a list of 50 then has a next page, as the timeline has."""
SEARCHED: Final = 1000
WORDS: Final = (
    "Snow on the skylight, and nobody had to say anything. I stayed for one breath longer than I wanted to. " * 4
)
PUSHED: Final = 100
"""How many operations a push has."""
MAX_RATIO_OF_NOT_MODIFIED: Final = 1.3
GOALS: Final = {"today": 15_000, "progress": 30_000, "chain of 100": 5_000, "search of 1 000": 15_000}
"""The highest cost in microseconds; the one of the timeline is 1.3 times that of a list."""
MAX_RATIO_OF_TIMELINE: Final = 1.3
EMAILS: Final = ("year@example.com", "words@example.com")
PASSWORD: Final = "one-quiet-morning"
Json = dict[str, Any]


class Caller:
    """Sends requests to an application in this process, as one person."""

    def __init__(self, app: Any, email: str, requests: int) -> None:
        """Take the application, which is running, the person's e-mail address, and how many requests a round has."""
        self._app, self._email, self._requests = app, email, requests
        self._headers: list[tuple[bytes, bytes]] = [(b"host", b"127.0.0.1"), (b"accept", b"*/*")]

    async def sign_in(self) -> None:
        """Sign in."""
        credentials = {"email": self._email, "password": PASSWORD}
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
        for _ in range(self._requests):
            await self.send(method, url, sent, tag)
        spent = time.process_time() - began
        gc.enable()
        return spent / self._requests * 1e6


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


def reflections() -> Iterator[tuple[str, Json]]:
    """Yield the collection and the fields of each record that a page of a search looks at."""
    for number in range(SEARCHED):
        yield "reflections", {"body": f"{number}: {WORDS}"}


async def plant(caller: Caller, records: Sequence[tuple[str, Json]]) -> None:
    """Create records."""
    ops = [
        {"op": "upsert", "collection": collection, "id": fields.get("id", str(new_id()))}
        | {"set": {name: value for name, value in fields.items() if name != "id"}}
        for collection, fields in records
    ]
    for begin in range(0, len(ops), PUSHED):
        pushed = await caller.json("POST", "/v1/sync/push", {"ops": ops[begin : begin + PUSHED]})
        assert {each["outcome"] for each in pushed["results"]} == {"applied"}, pushed


@asynccontextmanager
async def signed_in(url: str, keyring: Path, requests: int) -> AsyncIterator[tuple[Caller, ...]]:
    """Run an application on a database with two people until the block ends."""
    settings = Settings(database_url=url, keyring=keyring)
    app = create_app(settings)
    await create_people(settings)
    async with app.router.lifespan_context(app):
        callers = tuple(Caller(app, email, requests) for email in EMAILS)
        for caller in callers:
            await caller.sign_in()
        yield callers


async def create_people(settings: Settings) -> None:
    """Create the accounts."""
    db = open_database(settings)
    await db.open()
    password = hashed_now(PASSWORD)
    async with db.transaction() as tx:
        for email in EMAILS:
            new = NewAccount(email, password, "Wisteria", "Europe/Berlin", "en", region="DE")
            await create_account(tx, Keyring(settings.keyring), new)
    await db.close()


async def measured(url: str, keyring: Path, rounds: int, requests: int) -> dict[str, float]:
    """Return the median cost of each request, in microseconds."""
    async with signed_in(url, keyring, requests) as (caller, searcher):
        year = list(a_year())
        await plant(caller, year)
        await plant(searcher, list(reflections()))
        session = year[0][1]["id"]
        newest = (await caller.json("GET", "/v1/intentions"))["items"][0]["id"]
        views: dict[str, tuple[str, str, Json | None]] = {
            "GET one": ("GET", f"/v1/intentions/{newest}", None),
            "list 50": ("GET", "/v1/intentions?limit=50", None),
            "today": ("GET", "/v1/today?days=14", None),
            "progress": ("GET", f"/v1/progress?from={clock.now() - YEAR:%Y-%m-%d}", None),
            "chart": ("GET", "/v1/progress/chart.svg?measure=phq-9", None),
            "inbox": ("GET", "/v1/inbox", None),
            "timeline of 50": ("GET", "/v1/timeline?limit=50", None),
            "chain of 100": ("GET", f"/v1/chain/{session}?collection=sessions", None),
        }
        tags = {}
        for name, request in views.items():
            headers = dict((await caller.send(*request))[0]["headers"])
            if name not in {"GET one", "list 50"} and b"etag" in headers:
                tags[f"{name}, 304"] = (*request, headers[b"etag"])
        search = ("POST", "/v1/search", {"q": "nothing has these words"})
        page = await searcher.json(*search)
        assert (page["scanned"], page["items"]) == (SEARCHED, [])
        nodes = (await caller.json(*views["chain of 100"]))["nodes"]
        assert len(nodes) == 1 + 2 * ELEMENTS
        costs = [
            {name: await caller.cost(*each) for name, each in (views | tags).items()}
            | {"search of 1 000": await searcher.cost(*search)}
            for _ in range(rounds)
        ]
    return {name: median(each[name] for each in costs) for name in costs[0]}


def report(database: str, costs: dict[str, float]) -> None:
    """Print the costs of a database, and whether each goal is met."""
    goals = GOALS | {"timeline of 50": MAX_RATIO_OF_TIMELINE * costs["list 50"]}
    print(f"\n| {database} | µs | goal |\n|---|--:|---|")
    for name, cost in costs.items():
        goal = MAX_RATIO_OF_NOT_MODIFIED * costs["GET one"] if name.endswith("304") else goals.get(name)
        said = "" if goal is None else f"≤ {goal:.0f}: {'met' if cost <= goal else 'not met'}"
        print(f"| {name} | {cost:.0f} | {said} |")


def main(
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each.")] = 5,
    requests: Annotated[int, typer.Option(min=1, help="Requests of one round.")] = 100,
) -> None:
    """Measure the cost of views on both databases."""
    logging.getLogger("afterglow").addHandler(logging.NullHandler())
    logging.getLogger("afterglow").propagate = False
    with tempfile.TemporaryDirectory() as folder, postgres.running() as remote:
        for name, url in (("SQLite", f"sqlite:///{folder}/year.db"), ("PostgreSQL", remote)):
            keyring = Path(folder) / f"{name}.json"
            schema.migrate(url)
            create_keyring(keyring, generated=True)
            report(name, asyncio.run(measured(url, keyring, rounds, requests)))


if __name__ == "__main__":
    typer.run(main)
