"""The operator's own files: instruments, texts and helplines, and a clear line for each fault in them."""

import asyncio
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.library import Library, LibraryError
from app.library.files import DATA, MAX_BYTES
from app.main import create_app
from tests.conftest import Servers
from tests.house.commands import afterglow
from tests.library.operators import own_instrument, questionnaire, shipped, write
from tests.serving import Person
from tests.witness import Client

LINE = {"name": "Wisteria line", "call": "123", "checked_on": "2026-11-01"}
TEXTS: dict[str, Any] = {
    "code": "pgi-c",
    "version": "1",
    "language": "en",
    "introduction": None,
    "copyright": None,
    "items": ["Wisteria?"],
    "options": {"change": [f"Answer {value}" for value in range(7)]},
}


def help_file(**changes: Any) -> dict[str, Any]:
    """Return a file of helplines."""
    return {"set": 2, "regions": {"AT": {"lines": [LINE]}}, "elsewhere": {"lines": [LINE]}} | changes


def faults(folder: Path, content: object, name: str = "wisteria-scale.1.json") -> list[str]:
    """Return the faults of a folder with one file, without the path."""
    path = write(folder, name, content)
    return [line.replace(f"{path}", "FILE") for line in Library(folder).faults()]


def test_an_own_instrument_is_found_beside_the_shipped_ones(tmp_path: Path) -> None:
    write(tmp_path, "wisteria-scale.1.json", own_instrument())
    write(tmp_path, "wisteria-scale.12.json", own_instrument(version="12", title="Later"))
    write(tmp_path, "pgi-c.2.json", shipped("pgi-c") | {"version": "2"})
    write(tmp_path, "notes.txt", "wisteria")
    library = Library(tmp_path)
    assert library.faults() == []
    assert library.codes == ["gad-7", "pcl-5", "pgi-c", "phq-9", "who-5", "wisteria-scale"]
    newest, first = library.instrument("wisteria-scale"), library.instrument("wisteria-scale", "1")
    assert newest is not None
    assert first is not None
    assert (newest.version, newest.title, first.title) == ("12", "Later", "Wisteria scale")
    assert [each.version for each in library.instruments()] == ["1", "1", "2", "1", "1", "12"]
    assert library.instrument("wisteria-scale", "3") is None
    assert library.instrument("wisteria") is None


def test_texts_are_added_to_an_instrument(tmp_path: Path) -> None:
    path = write(tmp_path, "pgi-c.1.texts.json", TEXTS)
    library = Library(tmp_path)
    assert library.faults() == []
    found = library.instrument("pgi-c")
    assert found is not None
    assert library.texts_path(found) == path
    assert found.items[0].text == "Wisteria?"
    assert [option.text for option in found.options["change"]] == TEXTS["options"]["change"]
    assert found.licence.text_included
    assert Library().texts_path(found) is None


def other_item(**changes: object) -> dict[str, Any]:
    """Return an own instrument with a changed item."""
    instrument = own_instrument()
    return instrument | {"items": [instrument["items"][0] | changes]}


FAULTS: dict[str, tuple[object, list[str]]] = {
    "no JSON": ("{", ["FILE is not valid JSON"]),
    "too large": ("[" + " " * MAX_BYTES + "]", [f"FILE has more than {MAX_BYTES} bytes"]),
    "no object": ([], ["FILE: /: Input should be a valid dictionary or instance of Instrument."]),
    "a member too many": (own_instrument(wisteria=1), ["FILE: /wisteria: This member is not known."]),
    "several": (
        own_instrument(factor=0, title=""),
        [
            "FILE: /title: String should have at least 1 character.",
            "FILE: /factor: Input should be greater than or equal to 1.",
        ],
    ),
    "another name": (
        own_instrument(code="other"),
        ["FILE: its code and version have to be those in the name of the file"],
    ),
    "no such list": (other_item(options="other"), ["FILE: /: item 1: options has no list named other."]),
    "other values": (
        other_item(most=6),
        ["FILE: /: item 1: the values of its options have to be 1 to 6, in this order."],
    ),
    "bounds": (
        other_item(options=None, least=2, most=2),
        ["FILE: /: item 1: least has to be less than most."],
    ),
    "nothing counts": (
        other_item(counts=False),
        ["FILE: /: missing_allowed has to be less than the number of items that count."],
    ),
    "a subscale": (
        own_instrument(subscales=[{"code": "a", "from": 1, "to": 2}, {"code": "a", "from": 1, "to": 1}]),
        [
            (
                "FILE: /: the subscale a has to go from an item to the same or a later item of the instrument; "
                "the subscale a occurs more than once."
            )
        ],
    ),
    "bands": (
        own_instrument(bands=[{"code": "low", "from": 1, "to": 4}, {"code": "high", "from": 4, "to": 7}]),
        ["FILE: /: the band high has to follow the one before it without an overlap."],
    ),
    "a flag": (
        own_instrument(safety=[{"item": 2, "at_least": 1, "flag": "self-harm"}]),
        ["FILE: /: the flag self-harm is about item 2, which does not exist."],
    ),
    "an item that is no object": (
        own_instrument(items=["wisteria"]),
        ["FILE: /items/0: Input should be a valid dictionary or instance of InstrumentItem."],
    ),
}


@pytest.mark.parametrize(("content", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_an_instrument_is_named(tmp_path: Path, content: object, expected: list[str]) -> None:
    assert faults(tmp_path, content) == expected


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("Wisteria.json", own_instrument(), "FILE: name an instrument CODE.VERSION.json, such as my-scale.1.json"),
        (
            "phq-9.1.json",
            shipped("phq-9"),
            "FILE: phq-9, version 1, is shipped and never changes: give it another code or version",
        ),
        ("phq-9.2.texts.json", TEXTS, "FILE: there is no instrument with this code and version"),
        ("wisteria.1.texts.json", TEXTS, "FILE: there is no instrument with this code and version"),
        ("phq-9.1.texts.json", TEXTS, "FILE: the texts do not fit the items and answers of phq-9"),
        (
            "pgi-c.1.texts.json",
            TEXTS | {"options": {"other": ["a"]}},
            "FILE: the texts do not fit the items and answers of pgi-c",
        ),
        (
            "pgi-c.1.texts.json",
            TEXTS | {"items": []},
            "FILE: /items: List should have at least 1 item after validation, not 0.",
        ),
    ],
    ids=["its name", "a shipped one", "another version", "no instrument", "other texts", "other options", "no items"],
)
def test_a_file_that_does_not_belong_is_named(tmp_path: Path, name: str, content: object, expected: str) -> None:
    assert faults(tmp_path, content, name) == [expected]


def test_a_folder_or_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder, file = tmp_path / "nowhere", tmp_path / "help.json"
    assert Library(folder, file).faults() == [
        f"AFTERGLOW_HELP: {file} cannot be read (No such file or directory)",
        f"AFTERGLOW_INSTRUMENTS: the folder {folder} cannot be read (No such file or directory)",
    ]
    with pytest.raises(LibraryError, match="cannot be read"):
        Library(folder).instrument("phq-9")


def test_own_helplines_replace_the_shipped_ones_and_keep_the_notices(tmp_path: Path) -> None:
    library = Library(None, write(tmp_path, "help.json", help_file()))
    assert library.faults() == []
    found = library.help.find("at", "de")
    assert (found.region, found.language, [line.name for line in found.lines]) == ("AT", "de", ["Wisteria line"])
    assert library.help.find("US", "en").region == "elsewhere"
    notice = {"fr": {"title": "Wisteria", "text": "Wisteria."}}
    own = Library(None, write(tmp_path, "help.json", help_file(notice=notice)))
    assert [own.help.find("AT", language).language for language in ("fr", "de", "xx")] == ["fr", "de", "en"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (help_file(regions={"at": {"lines": [LINE]}}), "/regions/at/[key]: String should match pattern '^[A-Z]{2}$'."),
        (
            help_file(elsewhere={"lines": []}),
            "/elsewhere/lines: List should have at least 1 item after validation, not 0.",
        ),
        (
            help_file(elsewhere={"lines": [{"name": "Wisteria", "checked_on": None}]}),
            "/elsewhere/lines/0: Give a number to call, a number for text messages, or a url.",
        ),
        (
            help_file(elsewhere={"lines": [LINE | {"checked_on": "yesterday"}]}),
            "/elsewhere/lines/0/checked_on: Send a date as YYYY-MM-DD, from 1900 to 2200.",
        ),
        (
            help_file(elsewhere={"lines": ["wisteria"]}),
            "/elsewhere/lines/0: Input should be a valid dictionary or instance of Helpline.",
        ),
    ],
    ids=["region", "no line", "no way to reach it", "date", "no object"],
)
def test_a_fault_of_helplines_is_named(tmp_path: Path, content: object, expected: str) -> None:
    path = write(tmp_path, "help.json", content)
    assert Library(None, path).faults() == [f"AFTERGLOW_HELP: {path}: {expected}"]


def test_helplines_are_unchecked_after_a_year(tmp_path: Path) -> None:
    library = Library(None, write(tmp_path, "help.json", help_file()))
    assert [*library.help.unchecked(date(2027, 11, 1))] == []
    assert [(each.region, each.name) for each in library.help.unchecked(date(2027, 11, 2))] == [
        ("AT", "Wisteria line"),
        ("elsewhere", "Wisteria line"),
    ]
    regions = json.loads((DATA / "help.1.json").read_bytes())["regions"]
    assert {each.region for each in Library().help.unchecked(date(2026, 11, 29))} == {*regions, "elsewhere"}


def test_a_server_uses_the_operators_files(tmp_path: Path, servers: Servers, database: str) -> None:
    write(tmp_path, "wisteria-scale.1.json", own_instrument(safety=[{"item": 1, "at_least": 6, "flag": "worse"}]))
    file = write(tmp_path.parent, f"{tmp_path.name}-help.json", help_file())
    server = servers.start(servers.settings(database, instruments=tmp_path, help=file))
    anyone: Client = server.anyone
    assert anyone.get("/v1/instruments").json()["items"][-1]["code"] == "wisteria-scale"
    assert anyone.get("/v1/help?region=AT").json()["lines"][0]["name"] == "Wisteria line"
    person: Person = server.person()
    draft = {"instrument": "wisteria-scale", "answers": [7]}
    record = person.client.post("/v1/assessments", json=draft).json()
    assert (record["total"], record["flags"], record["help"]) == (7, ["worse"], "/v1/help")


def test_a_worker_does_not_start_with_a_fault_and_logs_it(
    tmp_path: Path, servers: Servers, every_log_line: list[str]
) -> None:
    write(tmp_path, "help.json", "{")
    settings = servers.settings("sqlite", help=tmp_path / "help.json")

    async def start() -> None:
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            pass

    with pytest.raises(LibraryError, match="is not valid JSON"):
        asyncio.run(start())
    line = json.loads(every_log_line[-1])
    assert (line["event"], line["level"]) == ("library-refused", "error")
    assert line["reason"] == f"AFTERGLOW_HELP: {tmp_path / 'help.json'} is not valid JSON"


def test_the_texts_of_a_questionnaire_are_stored_and_served(tmp_path: Path, servers: Servers, database: str) -> None:
    file = write(tmp_path, "questionnaire", questionnaire("phq-9"))
    folder = tmp_path / "instruments"
    folder.mkdir()
    result = afterglow("instruments", "add", str(file), instruments=str(folder))
    assert result.status == 0, result.err
    server = servers.start(servers.settings(database, instruments=folder))
    found = server.anyone.get("/v1/instruments/phq-9").json()
    assert found["items"][8]["text"] == "Question 9?"
    assert [option["text"] for option in found["options"]["frequency"]] == [f"Answer {value}" for value in range(4)]
