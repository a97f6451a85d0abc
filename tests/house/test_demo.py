"""The demo: three weeks of a person's life, in which there is something to see on whichever day it is created."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine

from app import demo
from app.clock import now
from app.demo.journey import REMOVABLE, SHOWN, journey
from app.recurrence import EntryOutcome
from app.resources import RESOURCES
from app.sync.collections import BY_COLLECTION
from tests.conftest import Servers
from tests.serving import Server
from tests.waiting import later
from tests.witness import Client

Json = dict[str, Any]
DAYS = ("2028-02-29T00:30:00+00:00", "2026-12-31T23:30:00+00:00", "2027-03-28T01:30:00+00:00")
"""A leap day, the turn of a year in Amsterdam, and the hour in which its clocks go forward."""

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def ilse(servers: Servers, database: str) -> Iterator[Client]:
    settings = servers.settings(database)
    asyncio.run(demo.create_demo(settings))
    server = servers.start(settings)
    with signed_in(server) as client:
        yield client
    server.end_test()


@contextmanager
def signed_in(server: Server) -> Iterator[Client]:
    """Sign in as the demo person."""
    with server.client() as client:
        credentials = {"email": demo.EMAIL, "password": demo.PASSWORD}
        token = client.post("/v1/auth/login", json=credentials).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def get(client: Client, path: str, **query: str | int) -> Json:
    found: Json = client.get(f"/v1/{path}", params=query).json()
    return found


def own_records(client: Client) -> list[Json]:
    """Return all records except the sessions that the clinic manages: those it moves at every start."""
    changes = get(client, "sync/changes", since=0, limit=1000)["changes"]
    return [each["record"] for each in changes if each["record"].get("clinic_id") is None]


def test_there_is_something_to_do_today(ilse: Client) -> None:
    today = get(ilse, "today", days=14)
    assert {each["state"] for each in today["practices"]} == {"open"}
    assert [each["at"] for each in today["practices"]] == ["06:45", "07:30", "16:00", "21:00", None]
    assert [each["days_late"] for each in today["action_items"]] == [0]
    assert (today["window"]["phase"], today["window"]["days_since"]) == ("fortnight", 9)
    assert {each["kind"] for each in today["follow_ups"] if not each["done"]} == {
        "assessment",
        "check-in",
        "reflection",
    }
    assert any(each["done"] for each in today["follow_ups"])
    assert today["next_session"] is not None
    assert len(today["prompts"]) == 3
    assert today["help"]["show"] is False
    assert all(len(each["practices"]) >= 3 for each in today["ahead"])


def test_progress_has_something_to_show(ilse: Client) -> None:
    progress = get(ilse, "progress")
    assert [each["kind"] for each in progress["sessions"]].count("dosing") == 2
    totals = {each["instrument"]: [point["total"] for point in each["points"]] for each in progress["measures"]}
    assert totals == {"phq-9": [15, 11, 7], "gad-7": [12, 9, 6]}
    changes = {each["instrument"]: each["change"] for each in progress["measures"]}
    assert {name: each["points"] for name, each in changes.items()} == {"phq-9": -8, "gad-7": -6}
    assert all(each["beyond"] and each["response"] for each in changes.values())
    assert len(progress["check_ins"]) == 10
    assert progress["check_ins"][0]["mood"] < progress["check_ins"][-1]["mood"]
    kept = {each["title"].split()[0]: each["weeks_kept"]["longest"] for each in progress["practices"]}
    assert kept["Ten"] >= 2
    assert progress["changes"]["external"]["completed"] == 1
    goals = progress["goals"]
    assert (goals["count"], len(goals["points"])) == (2, 3)
    assert goals["baseline_t"] < goals["points"][0]["t"] < goals["t"]


def test_the_chart_shows_the_scores_and_the_sessions(ilse: Client) -> None:
    chart = ilse.get("/v1/progress/chart.svg", params={"measure": "phq-9"}).text
    for total in (15, 11, 7):
        assert str(total) in chart
    assert chart.count("<circle") == 3


def test_the_chain_leads_from_the_session_to_what_became_of_it(ilse: Client) -> None:
    newest = next(each for each in get(ilse, "outcomes")["items"] if each["practice_id"] and each["action_item_id"])
    nodes = get(ilse, f"chain/{newest['id']}")["nodes"]
    kinds = [each["collection"] for each in nodes]
    assert kinds[0] == "sessions"
    assert {"sessions", "elements", "intentions", "action-items", "practices", "outcomes"} <= set(kinds)


def test_a_later_start_changes_nothing_and_there_still_is_something_to_do(servers: Servers, database: str) -> None:
    settings = servers.settings(database)
    asyncio.run(demo.create_demo(settings))
    server = servers.start(settings)
    with signed_in(server) as client:
        before = own_records(client)
    with later(days=40):
        asyncio.run(demo.create_demo(settings))
        with signed_in(server) as client:
            assert own_records(client) == before
            assert len(get(client, "today")["practices"]) >= 4
    server.end_test()


@pytest.mark.parametrize("moment", DAYS, ids=["leap day", "turn of the year", "clocks go forward"])
def test_it_is_complete_on_whichever_day_it_is_created(servers: Servers, moment: str) -> None:
    with time_machine.travel(datetime.fromisoformat(moment), tick=True):
        settings = servers.settings("sqlite")
        asyncio.run(demo.create_demo(settings))
        server = servers.start(settings)
        with signed_in(server) as client:
            wanted = journey(now())
            for resource in RESOURCES:
                path = resource.collection
                count = len(get(client, path, limit=200)["items"]) - 2 * (path == "sessions")  # the clinic's
                assert count == [each for each, _, _ in wanted].count(path)
            today = get(client, "today")
            assert len(today["practices"]) >= 4
            yesterday = date.fromisoformat(today["day"]) - timedelta(1)
            logged = get(client, "practice-entries", day_from=str(yesterday), day_to=str(yesterday))["items"]
            assert [each["outcome"] for each in logged] == [EntryOutcome.DONE] * 3
        server.end_test()


def test_no_record_refers_to_one_that_an_example_removes() -> None:
    drafts = journey(now())
    named = [(collection, name) for collection, name, _ in drafts]
    assert len(set(named)) == len(named)
    assert {*SHOWN.items(), *REMOVABLE.items()} <= set(named)
    references = {
        (target.collection, draft[field])
        for collection, _, draft in drafts
        for field, target in BY_COLLECTION[collection].targets.items()
        if draft.get(field) is not None
    }
    assert references <= set(named)
    assert not references & {*REMOVABLE.items()}
