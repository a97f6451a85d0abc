"""Imports of exports of the journal app Day One."""

import json
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import uuid4

import pytest

from tests.archive.packing import RawEntry, day_one_export, imported, journal, raw_zip, result, send, zipped
from tests.drafts import Json
from tests.hostile.conftest import State
from tests.refusals import refused
from tests.serving import Person

EASY = json.loads((Path(__file__).parent / "day_one_easy.json").read_text())
UUID = "0A3BFC9847BD4173881DE43749F23B58"
ID = "0a3bfc98-47bd-4173-881d-e43749f23b58"
PATH = "Journal.json"
LONGEST = "".join(map(chr, range(0x20000, 0x20000 + 40_000))) * 2 + "w" * 20_000
ENTRY: Json = {"uuid": UUID, "creationDate": "2024-02-29T22:30:00Z", "timeZone": "Europe/Berlin", "text": "wisteria"}


def read(person: Person, id: str = ID) -> Json:
    """Return a reflection."""
    response = person.client.get(f"/v1/reflections/{id}")
    assert response.status_code == 200, response.text
    record: Json = response.json()
    return record


def test_the_easy_case_becomes_its_reflections_and_a_second_time_nothing(alice: Person) -> None:
    archive = zipped({PATH: json.dumps(EASY["journal"]).encode()})
    expected = EASY["expect"]
    others = {"rejected": expected["rejected"], "skipped": expected["skipped"]}
    assert imported(alice, archive, "day-one") == result(created=2, **others)
    for reflection in expected["created"]:
        record = read(alice, reflection["id"])
        assert reflection.items() <= record.items()
        for name in ("title", "session_id", "element_id", "intention_id", "prompt", "mood"):
            assert record[name] is None
        assert record["emotions"] == record["domains"] == []
    assert imported(alice, archive, "day-one") == result(unchanged=2, **others)


def test_a_reflection_that_was_changed_since_is_a_conflict(alice: Person) -> None:
    imported(alice, day_one_export(ENTRY), "day-one")
    changed = alice.client.patch(f"/v1/reflections/{ID}", json={"body": "wisteria 2"}, headers={"If-Match": "*"})
    conflicts = [{"collection": "reflections", "id": ID}]
    assert imported(alice, day_one_export(ENTRY), "day-one") == result(conflicts=conflicts)
    assert read(alice) == changed.json()


CREATED: dict[str, tuple[Json, Json]] = {
    "an id in lower case": ({"uuid": UUID.lower()}, {}),
    "an id with hyphens": ({"uuid": ID.upper()}, {}),
    "no time zone": ({"timeZone": None}, {"timezone": "Europe/Berlin"}),
    "no time zone, but a location": (
        {"timeZone": None, "location": {"timeZoneName": "Asia/Tokyo"}},
        {"timezone": "Asia/Tokyo"},
    ),
    "a time zone and a location": ({"location": {"timeZoneName": "Asia/Tokyo"}}, {"timezone": "Europe/Berlin"}),
    "an unknown time zone": ({"timeZone": "Mars/Olympus"}, {"timezone": "Europe/Berlin"}),
    "an unknown time zone, but a location": (
        {"timeZone": "GMT+0200", "location": {"timeZoneName": "Asia/Tokyo"}},
        {"timezone": "Asia/Tokyo"},
    ),
    "a time zone that is no text": ({"timeZone": 5, "location": "wisteria"}, {"timezone": "Europe/Berlin"}),
    "a time with an offset": (
        {"creationDate": "2024-02-29T22:30:00+02:00"},
        {"occurred_at": "2024-02-29T20:30:00.000000Z"},
    ),
    "a time with fractions": (
        {"creationDate": "2024-02-29T22:30:00.123Z"},
        {"occurred_at": "2024-02-29T22:30:00.123000Z"},
    ),
    "escaped Markdown": ({"text": "1\\. wisteria\\!\n\n\\- one"}, {"body": "1\\. wisteria\\!\n\n\\- one"}),
    "a picture in the text": (
        {"text": "![](dayone-moment://ABC)\nwisteria"},
        {"body": "![](dayone-moment://ABC)\nwisteria"},
    ),
    "blanks around the text": ({"text": " \r\n wisteria \n"}, {"body": " \r\n wisteria \n"}),
    "every script": (
        {"text": "w\u0301 \U0001f33f \u0645 \u200f\ufeff"},
        {"body": "w\u0301 \U0001f33f \u0645 \u200f\ufeff"},
    ),
    "no tags": ({"tags": None}, {"body": "wisteria"}),
    "tags": ({"tags": ["sleep", "summer"]}, {"body": "wisteria\n\nTags: sleep, summer"}),
    "blank tags": ({"tags": ["", " "]}, {"body": "wisteria"}),
    "a tag with a comma": ({"tags": ["a, b", "c"]}, {"body": "wisteria\n\nTags: a, b, c"}),
    "rich text as JSON": (
        {"text": None, "richText": json.dumps({"contents": [{"text": "wis\n"}, {"text": "teria"}]})},
        {"body": "wis\nteria"},
    ),
    "rich text as an object": (
        {"text": None, "richText": {"contents": [{"text": "wis"}, {"embeddedObjects": []}, {"text": "teria"}]}},
        {"body": "wisteria"},
    ),
    "a blank text and rich text": ({"text": " ", "richText": {"contents": [{"text": "wisteria"}]}}, {}),
    "a text and rich text": ({"richText": {"contents": [{"text": "lichen"}]}}, {"body": "wisteria"}),
    "a text and broken rich text": ({"richText": "{"}, {"body": "wisteria"}),
    "the longest text": ({"text": LONGEST}, {"body": LONGEST}),
    "an id of no version": ({"uuid": "0" * 31 + "1"}, {"id": "00000000-0000-0000-0000-000000000001"}),
    "other members": ({"starred": True, "weather": {"temperatureCelsius": 1.5}, "duration": 0}, {}),
}


@pytest.mark.parametrize("name", CREATED)
def test_an_entry_becomes_a_reflection(alice: Person, name: str) -> None:
    changes, expected = CREATED[name]
    whole = {
        "id": ID,
        "body": "wisteria",
        "occurred_at": "2024-02-29T22:30:00.000000Z",
        "timezone": "Europe/Berlin",
        "capture": "imported",
        "visibility": "private",
    } | expected
    archive = day_one_export(ENTRY | changes)
    assert imported(alice, archive, "day-one") == result(created=1)
    assert whole.items() <= read(alice, whole["id"]).items()
    assert imported(alice, archive, "day-one") == result(unchanged=1)


REJECTED: dict[str, tuple[Json, str]] = {
    "no id": ({"uuid": None}, "required"),
    "an id that is too short": ({"uuid": UUID[1:]}, "id"),
    "an id that is no text": ({"uuid": 5}, "id"),
    "an id in braces": ({"uuid": f"{{{ID}}}"}, "id"),
    "no time": ({"creationDate": None}, "required"),
    "a time that is none": ({"creationDate": "yesterday"}, "time"),
    "a time without an offset": ({"creationDate": "2024-02-29T22:30:00"}, "time"),
    "a day that does not exist": ({"creationDate": "2023-02-29T22:30:00Z"}, "time"),
    "a time before 1900": ({"creationDate": "1820-02-29T22:30:00Z"}, "time"),
    "a time as a number": ({"creationDate": 1709245800}, "time"),
    "100 001 characters": ({"text": "w" * 100_001}, "string-too-long"),
    "100 001 characters with the tags": ({"text": "w" * 99_999, "tags": ["a"]}, "string-too-long"),
    "NUL": ({"text": "wist\0eria"}, "string-pattern-mismatch"),
    "NUL in a tag": ({"tags": ["wist\0eria"]}, "string-pattern-mismatch"),
    "a lone surrogate": ({"text": "wist\ud800eria"}, "string-unicode"),
    "a text that is no text": ({"text": ["wisteria"]}, "string-type"),
    "rich text that is not JSON": ({"text": None, "richText": "{wisteria"}, "string-type"),
    "rich text without contents": ({"text": None, "richText": {"meta": {}}}, "string-type"),
    "rich text with a number": ({"text": None, "richText": {"contents": [{"text": 5}]}}, "string-type"),
    "rich text that is a list": ({"text": None, "richText": [1]}, "string-type"),
    "rich text with a part that is no object": ({"text": None, "richText": {"contents": [5]}}, "string-type"),
    "rich text with a lone surrogate": ({"text": None, "richText": '"\ud800"'}, "string-type"),
    "tags that are no list": ({"tags": "wisteria"}, "list-type"),
    "a tag that is no text": ({"tags": [5]}, "list-type"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_an_entry_that_cannot_be_kept_whole_is_rejected_and_its_neighbour_created(alice: Person, name: str) -> None:
    changes, code = REJECTED[name]
    other = ENTRY | {"uuid": uuid4().hex.upper()}
    id = None if "uuid" in changes else ID
    expected = result(created=1, rejected=[{"path": PATH, "id": id, "code": code}])
    assert imported(alice, day_one_export(ENTRY | changes, other), "day-one") == expected


@pytest.mark.parametrize("entry", [None, 5, "wisteria", [ENTRY]], ids=["null", "a number", "a text", "a list"])
def test_an_entry_that_is_no_object_is_rejected(alice: Person, entry: object) -> None:
    rejected = [{"path": PATH, "id": None, "code": "object"}]
    assert imported(alice, day_one_export(entry, ENTRY), "day-one") == result(created=1, rejected=rejected)


@pytest.mark.parametrize("member", ["uuid", "creationDate"])
def test_an_entry_without_a_member_is_rejected(alice: Person, member: str) -> None:
    entry = {name: value for name, value in ENTRY.items() if name != member}
    answer = imported(alice, day_one_export(entry), "day-one")
    assert [each["code"] for each in answer["rejected"]] == ["required"]


EMPTY: dict[str, Json] = {
    "no text": {"text": None},
    "an empty text": {"text": ""},
    "a blank text": {"text": " \n\t\u00a0"},
    "empty rich text": {"text": None, "richText": ""},
    "rich text of blanks": {"text": None, "richText": {"contents": [{"text": "\n"}]}},
    "rich text of pictures": {"text": None, "richText": {"contents": [{"embeddedObjects": [{"type": "photo"}]}]}},
    "tags only": {"text": None, "tags": ["sleep"]},
    "no id and no time either": {"text": "", "uuid": None, "creationDate": None},
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_entry_without_words_is_skipped(alice: Person, name: str) -> None:
    archive = day_one_export(ENTRY | EMPTY[name])
    assert imported(alice, archive, "day-one") == result(skipped={"empty": 1, "media": 0})


def test_media_are_counted_and_not_read(alice: Person) -> None:
    media: Json = {"photos": [{}, {}], "audios": [{}], "videos": [{}], "pdfAttachments": [{}]}
    files = {
        PATH: journal(
            ENTRY | media, ENTRY | {"uuid": uuid4().hex, "text": ""} | media, ENTRY | {"photos": 5, "uuid": 1}
        ),
        "photos/a.jpeg": b"\xff\xd8",
        "audios/a.m4a": b"\0",
        "videos/a.mov": b"\0",
        "pdfs/a.pdf": b"%PDF",
    }
    rejected = [{"path": PATH, "id": None, "code": "id"}]
    expected = result(created=1, rejected=rejected, skipped={"empty": 1, "media": 10})
    assert imported(alice, zipped(files), "day-one") == expected


def test_all_journals_of_an_archive_are_read(alice: Person) -> None:
    others = [ENTRY | {"uuid": uuid4().hex} for _ in range(3)]
    files = {
        PATH: journal(ENTRY),
        "Reise.JSON": journal(*others[:2]),
        "\u65e5\u8a18.json": journal(others[2]),
        "Empty.json": journal(),
    }
    assert imported(alice, zipped(files), "day-one") == result(created=4)


def test_an_entry_that_is_there_twice_is_rejected_the_second_time(alice: Person) -> None:
    files = {PATH: journal(ENTRY, ENTRY), "Other.json": journal(ENTRY | {"text": "wisteria 2"})}
    rejected = [{"path": path, "id": ID, "code": "duplicate-target"} for path in (PATH, "Other.json")]
    assert imported(alice, zipped(files), "day-one") == result(created=1, rejected=rejected)
    assert read(alice)["body"] == "wisteria"


def test_what_a_mac_adds_to_an_archive_is_left_out(alice: Person) -> None:
    files = {
        "Export/Journal.json": journal(ENTRY),
        "Export/photos/a.jpeg": b"",
        "Export/.DS_Store": b"\0",
        "__MACOSX/Export/._Journal.json": b"\0",
    }
    assert imported(alice, zipped(files), "day-one") == result(created=1)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + journal(ENTRY),
        journal(ENTRY) + b"\r\n ",
        json.dumps({"entries": [ENTRY]}, indent=3).encode(),
        b'{"metadata":{"a":[1,2.5e1,"\\u0041"]},"entries":[' + json.dumps(ENTRY).encode() + b'],"z":null}',
    ],
    ids=["a byte order mark", "blanks at the end", "with blanks", "members around"],
)
def test_the_json_of_a_journal_may_have_other_forms(alice: Person, content: bytes) -> None:
    assert imported(alice, zipped({PATH: content}), "day-one") == result(created=1)


def test_a_journal_of_many_pieces_is_read(alice: Person) -> None:
    entries = [
        ENTRY | {"uuid": uuid4().hex, "text": f"wisteria {number} " + uuid4().hex * number} for number in range(150)
    ]
    assert imported(alice, day_one_export(*entries), "day-one") == result(created=150)
    bodies = [each["text"] for each in entries]
    read_back = alice.client.get("/v1/reflections", params={"limit": 200}).json()["items"]
    assert sorted(each["body"] for each in read_back) == sorted(bodies)


def test_entries_that_follow_a_large_one_are_read(alice: Person) -> None:
    large = ENTRY | {"uuid": uuid4().hex, "weather": token_hex(2_500_000)}
    others = [ENTRY | {"uuid": uuid4().hex, "weather": token_hex(50_000)} for _ in range(40)]
    assert imported(alice, day_one_export(large, *others, large), "day-one")["created"] == 41


WHOLE = journal(ENTRY)
REFUSED: dict[str, dict[str, bytes]] = {
    "no JSON file": {"photos/a.jpeg": b""},
    "another file": {PATH: WHOLE, "wisteria.sh": b""},
    "another folder": {PATH: WHOLE, "wisteria/a.jpeg": b""},
    "a JSON file that is too deep": {"a/b/Journal.json": WHOLE},
    "a JSON file of another kind": {PATH: WHOLE, "Other.json": b"{}"},
    "entries that are null": {PATH: b'{"entries": null}'},
    "entries that are an object": {PATH: b'{"entries": {}}'},
    "a list": {PATH: b"[]"},
    "a text": {PATH: b'"wisteria"'},
    "nothing": {PATH: b""},
    "not JSON": {PATH: b"wisteria"},
    "a truncated file": {PATH: WHOLE[:-1]},
    "a truncated entry": {PATH: WHOLE[:-20]},
    "a trailing comma in the entries": {PATH: b'{"entries": [{},]}'},
    "a trailing comma": {PATH: b'{"entries": [],}'},
    "a missing comma": {PATH: b'{"entries": [{} {}]}'},
    "a missing colon": {PATH: b'{"entries" []}'},
    "data at the end": {PATH: WHOLE + b"{}"},
    "entries twice": {PATH: b'{"entries": [], "entries": []}'},
    "a member twice in an entry": {PATH: b'{"entries": [{"text": "a", "text": "b"}]}'},
    "a name that is a number": {PATH: b'{1: 2, "entries": []}'},
    "an entry that is nested too deep": {PATH: b'{"entries": [' + b"[" * 40 + b"]" * 40 + b"]}"},
    "an entry nested 100 000 deep": {PATH: b'{"entries": [' + b"[" * 100_000},
    "Latin-1": {PATH: b'{"entries": [{"text": "\xe9"}]}'},
    "UTF-16": {PATH: WHOLE.decode().encode("utf-16")},
    "UTF-8 that ends early": {PATH: WHOLE + b"\xc3"},
    "101 members": {PATH: json.dumps({f"a{n}": n for n in range(101)} | {"entries": []}).encode()},
    "an entry of more than 8 million characters": {PATH: journal({"text": [*range(1_500_000)]})},
    "20 001 entries": {PATH: b'{"entries": [' + b",".join(b"%d" % n for n in range(20_001)) + b"]}"},
    "20 001 entries in two files": {
        PATH: b'{"entries": [' + b",".join(b"%d" % n for n in range(20_000)) + b"]}",
        "Other.json": b'{"entries": [1]}',
    },
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_export_of_day_one_is_refused_and_changes_nothing(alice: Person, state: State, name: str) -> None:
    before = state()
    problem = refused(send(alice, zipped(REFUSED[name]), "day-one"), 400, "bad-archive")
    assert "wisteria" not in json.dumps(problem)
    assert state() == before


@pytest.mark.parametrize("path", [b"../Journal.json", b"/Journal.json", b"photos\\Journal.json"], ids=ascii)
def test_a_hostile_path_is_refused(alice: Person, path: bytes) -> None:
    archive = raw_zip([RawEntry(PATH.encode(), WHOLE), RawEntry(path, WHOLE)])
    refused(send(alice, archive, "day-one"), 400, "bad-archive")


def test_an_archive_of_ours_is_no_export_of_day_one(alice: Person) -> None:
    files: dict[str, Any] = {"README.txt": b"", "manifest.json": b"{}"}
    refused(send(alice, zipped(files), "day-one"), 400, "bad-archive")
