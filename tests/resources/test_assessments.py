"""Assessments: their answers, their score, their instrument, and their transitions."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.ids import new_id
from app.resources.assessments import ASSESSMENTS
from app.resources.sessions import SESSIONS
from tests.drafts import Json, create_record, etag
from tests.refusals import faults, pointers
from tests.resources.record_writer import NOT_AN_INTEGER, RecordWriter
from tests.rows import rows_of
from tests.serving import Person, Server
from tests.sync.sync_client import SyncClient, edit, upsert
from tests.witness import DOCUMENT

CASES = json.loads((Path(__file__).parents[1] / "library/scoring.json").read_text("utf-8"))["cases"]
SEVEN: list[int | None] = [1, 1, 1, 1, 1, 1, 1, 0, 0, None]
COMPUTED = ("scoring", "total", "subscales", "band", "flags", "help")
TRANSITIONS = {
    "in-progress": "completed entered-in-error",
    "completed": "entered-in-error",
    "entered-in-error": "",
}


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    return RecordWriter(alice, ASSESSMENTS, instrument="phq-9", answers=SEVEN)


def instant(text: str) -> datetime:
    """Return an instant of a record."""
    return datetime.fromisoformat(text)


def score_of(record: Json) -> Json:
    """Return the computed members of an assessment."""
    return {name: record[name] for name in COMPUTED}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_case_has_its_right_value_through_the_api(alice: Person, case: Json) -> None:
    record = RecordWriter(alice, ASSESSMENTS).create(**case["given"])
    help_path = "/v1/help" if case["expect"]["flags"] else None
    assert score_of(record) == case["expect"] | {"help": help_path}


def test_a_new_assessment_is_completed_now_with_the_newest_version(writer: RecordWriter) -> None:
    record = writer.create()
    initial = writer.base | {
        "instrument_version": "1",
        "status": "completed",
        "visibility": "private",
        "timezone": "Europe/Berlin",
        "taken_at": record["taken_at"],
    }
    assert abs(instant(record["taken_at"]) - instant(record["created_at"])) < timedelta(seconds=60)
    unset = dict.fromkeys(set(ASSESSMENTS.field_names) - set(initial))
    assert {name: record[name] for name in ASSESSMENTS.field_names} == initial | unset
    assert score_of(record) == {
        "scoring": "complete",
        "total": 7,
        "subscales": None,
        "band": "mild",
        "flags": [],
        "help": None,
    }


def test_its_fields_accept_only_the_listed_choices(alice: Person, writer: RecordWriter) -> None:
    writer.assert_choices(timepoint="baseline before-session after-session follow-up", visibility="private shared")
    assert pointers(writer.post(status="wisteria")) == ["/status"]
    assert writer.create(timezone="Asia/Kathmandu")["timezone"] == "Asia/Kathmandu"
    assert pointers(writer.post(timezone="Mars/Phobos")) == ["/timezone"]
    writer.assert_time_fields("taken_at")
    session = create_record(alice.client, SESSIONS, alice)
    assert writer.create(session_id=session["id"])["session_id"] == session["id"]


@pytest.mark.parametrize("status", TRANSITIONS)
def test_its_status_changes_only_along_the_transitions(writer: RecordWriter, status: str) -> None:
    writer.assert_transitions(status, TRANSITIONS)


@pytest.mark.parametrize("status", ["in-progress", "completed"])
def test_its_answers_can_be_amended_and_are_scored_again(writer: RecordWriter, status: str) -> None:
    record = writer.create(status=status)
    amended = writer.update(record, answers=[2] * 7 + [0, 0, 1])
    assert (amended["total"], amended["band"], amended["scoring"]) == (14, "moderate", "complete")


def test_completing_an_assessment_scores_it_in_proportion(writer: RecordWriter) -> None:
    record = writer.create(status="in-progress", answers=[2, 2, None, 2, 2, 2, 2, 2, 0, None])
    assert (record["scoring"], record["total"]) == ("incomplete", None)
    completed = writer.update(record, status="completed")
    assert (completed["scoring"], completed["total"], completed["band"]) == ("prorated", 16, "moderately-severe")
    in_error = writer.update(completed, status="entered-in-error")
    assert score_of(in_error) == dict.fromkeys(COMPUTED) | {"scoring": "incomplete", "flags": []}


def test_what_the_server_computes_cannot_be_sent(writer: RecordWriter) -> None:
    record = writer.create()
    wrong: Json = {"scoring": "complete", "total": 7, "subscales": {}, "band": "mild", "flags": [], "help": "/v1/help"}
    expected = {f"/{name}": "unknown-field" for name in wrong}
    assert faults(writer.post(**wrong)) == expected
    assert faults(writer.patch(record, **wrong)) == expected
    sync = SyncClient(writer.person)
    for sent in ({"set": wrong}, {"set": {}, "was": wrong}):
        error = sync.push_one(edit(record, "assessments") | sent)["error"]
        assert {fault["code"] for fault in error["errors"]} == {"unknown-field"}
    assert writer.person.client.get("/v1/sync").json()["collections"]["assessments"] == [*ASSESSMENTS.field_names]


def test_what_the_server_computes_is_read_only_in_the_document_and_has_no_sequence_number(
    server: Server, writer: RecordWriter
) -> None:
    schemas = DOCUMENT.content["components"]["schemas"]
    properties = schemas["Assessment"]["properties"]
    assert {name for name, each in properties.items() if each.get("readOnly")} == {*COMPUTED}
    for shape in ("AssessmentDraft", "AssessmentPatch"):
        assert not {*COMPUTED} & {*schemas[shape]["properties"]}
    record = writer.create()
    updated = writer.update(record, answers=[0] * 10)
    row = rows_of(server, writer.person, ASSESSMENTS)[record["id"]]
    assert row["field_seq"] == {"answers": updated["version"] % 2**40}
    assert not {*COMPUTED, "answers"} & {*row}


@pytest.mark.parametrize(
    "answers", [[], SEVEN[:-1], [*SEVEN, None], [0] * 201], ids=["none", "too few", "too many", "far too many"]
)
def test_there_is_one_answer_for_each_item(writer: RecordWriter, answers: list[Any]) -> None:
    expected = {"/answers": "answers-mismatch" if len(answers) <= 200 else "too-long"}
    assert faults(writer.post(answers=answers)) == expected
    assert faults(writer.patch(writer.create(), answers=answers)) == expected


def test_an_answer_is_within_the_bounds_of_its_item(writer: RecordWriter) -> None:
    wrong = [4, -1, *SEVEN[2:]]
    assert faults(writer.post(answers=wrong)) == dict.fromkeys(("/answers/0", "/answers/1"), "answers-mismatch")
    assert faults(writer.post(instrument="pgi-c", answers=[0])) == {"/answers/0": "answers-mismatch"}
    for value in (*NOT_AN_INTEGER, "1"):
        assert pointers(writer.post(answers=[value, *SEVEN[1:]])) == ["/answers/0"]
    for value in ("wisteria", 5, None, {}):
        assert pointers(writer.post(answers=value)) == ["/answers"]


def test_an_unknown_instrument_is_refused_with_the_codes(writer: RecordWriter) -> None:
    for code in ("wisteria", "PHQ-9", "phq-9.1", "../phq-9", "phq-9\x00"):
        problem = writer.post(instrument=code).json()
        assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [
            ("/instrument", "unknown-instrument")
        ]
        assert "gad-7, pcl-5, pgi-c, phq-9, who-5" in problem["errors"][0]["message"]
    for version in ("2", "01", "x"):
        assert faults(writer.post(instrument_version=version)) == {"/instrument_version": "unknown-instrument"}
    writer.assert_rejects(writer.create(), ["", 5, None, "w" * 41], "instrument")


def test_an_assessment_keeps_its_instrument(writer: RecordWriter) -> None:
    record = writer.create()
    changes: Json = {"instrument": "gad-7", "answers": [0] * 8}
    assert faults(writer.patch(record, **changes)) == {"/instrument": "instrument-fixed"}
    assert writer.update(record, instrument="phq-9", instrument_version="1") == record


def test_two_devices_that_change_answers_and_status_conflict(writer: RecordWriter) -> None:
    record, sync = writer.create(status="in-progress"), SyncClient(writer.person)
    writer.update(record, answers=[0] * 10)
    late = edit(record, "assessments", set={"status": "completed"})
    result = sync.push_one(late)
    assert (result["outcome"], result["reason"], result["fields"]) == ("conflict", "changed", ["status"])
    assert sync.push_one(late | {"on_conflict": "mine"})["record"]["scoring"] == "complete"


def test_a_push_returns_the_score_also_minimally(writer: RecordWriter) -> None:
    sync = SyncClient(writer.person)
    fields = {"instrument": "phq-9", "instrument_version": "1", "answers": SEVEN}
    op = upsert("assessments", set=fields)
    result = sync.push_one(op, **{"return": "minimal"})
    assert result["record"]["total"] == 7
    page = sync.pull_page()
    assert [change["record"] for change in page["changes"]] == [result["record"]]


def test_a_session_that_is_removed_leaves_the_score(writer: RecordWriter, alice: Person) -> None:
    session = create_record(alice.client, SESSIONS, alice)
    record = writer.create(session_id=session["id"])
    alice.client.delete(f"/v1/sessions/{session['id']}", headers=etag(session))
    after = alice.client.get(f"/v1/assessments/{record['id']}").json()
    assert after["session_id"] is None
    assert score_of(after) == score_of(record)


def test_a_list_is_filtered_by_instrument(writer: RecordWriter, alice: Person) -> None:
    first, second = writer.create(), writer.create(instrument="pgi-c", answers=[1])
    for code, expected in {"phq-9": [first], "pgi-c": [second], "who-5": [], "wisteria": []}.items():
        assert alice.client.get(writer.path, params={"instrument": code}).json()["items"] == expected


def test_a_restored_assessment_is_scored_again(writer: RecordWriter, alice: Person) -> None:
    record, sync = writer.create(), SyncClient(alice)
    alice.client.delete(f"{writer.path}/{record['id']}", headers=etag(record))
    fields = {"instrument": "phq-9", "answers": [3] * 10}
    restored = sync.push_applied(upsert("assessments", record["id"], set=fields, undelete=True, op_id=str(new_id())))
    assert (restored["total"], restored["flags"]) == (27, ["self-harm"])
