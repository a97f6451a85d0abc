"""Item 9 of the PHQ-9: an answer above 0 is flagged in the record through every door, and reported to nobody else."""

import json

import pytest
import sqlalchemy as sa

from app.db import Statement
from app.jobs import JobRecord
from app.resources.assessments import ASSESSMENTS
from tests.archive.archives import export
from tests.archive.packing import archive_of, imported
from tests.consents.clinic import give, new_clinic
from tests.drafts import Json
from tests.exchange.replica import Replica
from tests.resources.record_writer import RecordWriter
from tests.serving import Person, Server
from tests.sync.sync_client import SyncClient, edit, upsert

UNFLAGGED: list[int | None] = [*[1] * 8, 0, None]
FLAGGED: list[int | None] = [*[1] * 8, 1, None]
ONLY_NINE: list[int | None] = [*[None] * 8, 3, None]
SHOWN = (["self-harm"], "/v1/help")
NOT_SHOWN: tuple[list[str], None] = ([], None)
TRACES = ("self-harm", "/v1/help", "flags")


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    return RecordWriter(alice, ASSESSMENTS, instrument="phq-9")


def jobs_of(server: Server) -> set[object]:
    """Return the ids of all jobs, such as e-mails to send, that were ever queued and not deleted."""
    return {row["id"] for row in server.run(server.db.all(Statement(sa.select(JobRecord.table().c.id))))}


def shown(record: Json) -> tuple[object, object]:
    """Return the flags and the help of a record."""
    return record["flags"], record["help"]


@pytest.mark.parametrize("status", ["in-progress", "completed"])
@pytest.mark.parametrize("answer", [1, 2, 3])
def test_every_answer_above_0_is_flagged_while_it_is_written(writer: RecordWriter, status: str, answer: int) -> None:
    answers = [*[None] * 8, answer, None]
    assert shown(writer.create(answers=answers, status=status)) == SHOWN
    assert shown(writer.create(answers=[*[0] * 8, answer, 0], status=status)) == SHOWN
    for other in (0, None):
        assert shown(writer.create(answers=[*[3] * 8, other, 3], status=status)) == NOT_SHOWN


def test_it_is_shown_by_every_response_with_the_record(writer: RecordWriter, alice: Person) -> None:
    created = writer.create(answers=FLAGGED)
    assert shown(created) == SHOWN
    again = writer.post(answers=FLAGGED, id=created["id"], taken_at=created["taken_at"])
    assert (again.status_code, shown(again.json())) == (200, SHOWN)
    path = f"{writer.path}/{created['id']}"
    assert shown(alice.client.get(path).json()) == SHOWN
    assert [shown(each) for each in alice.client.get(writer.path).json()["items"]] == [SHOWN]
    later = writer.create(answers=UNFLAGGED, status="in-progress")
    assert shown(writer.update(later, answers=ONLY_NINE)) == SHOWN
    outdated = alice.client.patch(path, json={"answers": UNFLAGGED}, headers={"If-Match": '"1"'})
    assert (outdated.status_code, shown(outdated.json()["current"])) == (412, SHOWN)
    alice.client.patch(path, json={"answers": UNFLAGGED}, headers={"If-Match": "*"})
    history = alice.client.get(f"{path}/history").json()["items"]
    assert [shown(each["record"]) for each in history] == [SHOWN]


def test_it_is_shown_by_push_and_pull(alice: Person) -> None:
    sync = SyncClient(alice)
    op = upsert("assessments", set={"instrument": "phq-9", "answers": ONLY_NINE, "status": "in-progress"})
    for options in ({}, {"return": "minimal"}):
        assert shown(sync.push_one(op, **options)["record"]) == SHOWN
    (change,) = sync.pull_page()["changes"]
    assert shown(change["record"]) == SHOWN
    merged = sync.push_applied(edit(change["record"], "assessments", set={"timepoint": "baseline"}))
    assert shown(merged) == SHOWN
    cleared = sync.push_applied(edit(merged, "assessments", set={"answers": UNFLAGGED}))
    assert shown(cleared) == NOT_SHOWN
    conflict = sync.push_one(edit(change["record"], "assessments", set={"answers": FLAGGED}))
    assert (conflict["outcome"], shown(conflict["record"])) == ("conflict", NOT_SHOWN)


def test_it_is_in_an_export_and_computed_again_by_an_import(writer: RecordWriter, alice: Person, bob: Person) -> None:
    record = writer.create(answers=FLAGGED)
    (exported,) = export(alice).records("assessments")
    assert exported == record
    forged = exported | {"flags": [], "help": None, "total": 0, "band": "minimal"}
    assert imported(bob, archive_of({"assessments": [forged]}))["created"] == 1
    found = bob.client.get(f"{writer.path}/{record['id']}").json()
    assert shown(found) == SHOWN
    assert (found["total"], found["band"]) == (9, "mild")


def test_it_changes_nothing_else_about_a_write(writer: RecordWriter) -> None:
    plain, flagged = writer.post(answers=UNFLAGGED), writer.post(answers=FLAGGED)
    assert plain.status_code == flagged.status_code == 201
    own = {"x-request-id", "etag", "location", "date", "content-length"}
    headers = [{name: value for name, value in each.headers.items() if name not in own} for each in (plain, flagged)]
    assert headers[0] == headers[1]
    differing = {name for name, value in flagged.json().items() if plain.json()[name] != value}
    assert differing <= {"id", "version", "created_at", "updated_at", "taken_at", "answers", "total"} | {
        "flags",
        "help",
    }


def test_words_are_never_read_for_it(alice: Person) -> None:
    response = alice.client.post("/v1/reflections", json={"body": "wisteria: I want to die"})
    assert response.status_code == 201
    assert "help" not in response.json()


def test_nothing_of_it_reaches_a_log_a_mail_or_a_metric(
    writer: RecordWriter, server: Server, alice: Person, every_log_line: list[str]
) -> None:
    begin, jobs = len(every_log_line), jobs_of(server)
    record = writer.create(answers=FLAGGED)
    path = f"{writer.path}/{record['id']}"
    alice.client.patch(path, json={"answers": ONLY_NINE}, headers={"If-Match": "*"})
    alice.client.patch(path, json={"answers": [9] * 10}, headers={"If-Match": "*"})
    SyncClient(alice).push(edit(record, "assessments", set={"answers": FLAGGED}))
    export(alice)
    alice.client.get("/v1/help")
    server.anyone.get("/livez")
    lines = [json.loads(line) for line in every_log_line[begin:]]
    helped = [line for line in lines if line.get("route") == "/v1/help"]
    assert {line["account_id"] for line in helped} <= {None}  # whoever reads the help is not noted
    others = json.dumps([line for line in lines if line not in helped])
    counted = repr((server.services.counts.requests, server.services.counts.operations))
    assert [trace for trace in (*TRACES, record["id"]) if trace in others + counted] == []
    assert jobs_of(server) <= jobs


def test_a_clinic_sees_it_only_in_a_record_that_is_shared_under_a_consent(
    writer: RecordWriter, server: Server, alice: Person
) -> None:
    private, shared = writer.create(answers=FLAGGED), writer.create(answers=FLAGGED, visibility="shared")
    stranger, other, clinic = (
        Replica(new_clinic(server, name)) for name in ("No House", "Fern House", "Wisteria House")
    )
    give(alice, other.clinic, shares=["sessions", "reflections"])
    give(alice, clinic.clinic, shares=["assessments"])
    assert stranger.pull() == []
    assert [change["collection"] for change in other.pull()] == ["connections"]
    found = [change["record"] for change in clinic.pull() if change["collection"] == "assessments"]
    assert [(each["id"], shown(each)) for each in found] == [(shared["id"], SHOWN)]
    sent = [json.dumps(each.received) for each in (stranger, other, clinic)]
    assert not any(private["id"] in text for text in sent)
    assert not any(trace in text for trace in TRACES for text in sent[:2])
    writer.update(shared, visibility="private")
    assert [(change["id"], change["removed"]) for change in clinic.pull()] == [(shared["id"], True)]
