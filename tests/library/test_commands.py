"""The commands `afterglow instruments …`, and what a start says of the operator's files."""

import json
from pathlib import Path

import pytest
import time_machine
import typer

from app.cli.checking import check_library
from app.library.files import DATA
from app.settings import Environment, Settings
from tests.house.commands import Result, afterglow, assert_fails
from tests.library.operators import own_instrument, questionnaire, write
from tests.library.test_own_files import help_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "instruments"
    folder.mkdir()
    return folder


def add(folder: Path, file: Path, *options: str) -> Result:
    """Run `afterglow instruments add` with a folder."""
    return afterglow("instruments", "add", str(file), *options, instruments=str(folder))


def test_texts_are_added_and_listed(tmp_path: Path, folder: Path) -> None:
    file, stored = write(tmp_path, "phq", questionnaire("phq-9", items=9)), folder / "phq-9.1.texts.json"
    result = add(folder, file)
    assert result.status == 0
    assert result.out == (
        f"Added the texts of phq-9, version 1 (en): 9 of 10 items, 1 of 2 lists of answers to {stored}.\n"
        "Item 10 (difficulty in daily life) has no text: the file has no such question.\n"
    )
    line = json.loads(result.err)
    assert (line["command"], line["instrument"], line["version"]) == ("instruments add", "phq-9", "1")
    assert [path.name for path in folder.iterdir()] == [stored.name]
    listed = afterglow("instruments", "list", instruments=str(folder)).out.splitlines()
    assert "phq-9, version 1: Patient Health Questionnaire-9, 10 items, with texts (en)" in listed
    assert "gad-7, version 1: Generalized Anxiety Disorder-7, 8 items, without texts" in listed


def test_texts_are_replaced_only_on_purpose(tmp_path: Path, folder: Path) -> None:
    file, stored = write(tmp_path, "phq", questionnaire("phq-9")), folder / "phq-9.1.texts.json"
    assert add(folder, file).status == 0
    before = stored.read_bytes()
    assert_fails(add(folder, file, "--language", "de"), f"{stored} exists: replace it with --replace")
    assert stored.read_bytes() == before
    assert add(folder, file, "--language", "de", "--replace").status == 0
    assert json.loads(stored.read_bytes())["language"] == "de"


def test_a_file_that_is_no_questionnaire_is_refused(tmp_path: Path, folder: Path) -> None:
    wrong = write(tmp_path, "wrong", {"resourceType": "Patient"})
    assert_fails(add(folder, wrong), f"{wrong}: the file is not a FHIR Questionnaire in JSON")
    assert_fails(add(folder, tmp_path / "none"), f"{tmp_path / 'none'} cannot be read .*")
    assert_fails(add(folder, write(tmp_path, "broken", "{")), f"{tmp_path / 'broken'} is not valid JSON")
    assert [*folder.iterdir()] == []


def test_an_instrument_that_does_not_exist_is_refused_with_the_codes(tmp_path: Path, folder: Path) -> None:
    file = write(tmp_path, "phq", questionnaire("phq-9"))
    result = add(folder, file, "--instrument", "wisteria")
    assert_fails(result, "there is no instrument 'wisteria': the codes are gad-7, pcl-5, pgi-c, phq-9, who-5")
    assert add(folder, file, "--instrument", "phq-9").status == 0


def test_the_folder_has_to_be_set_and_writable(tmp_path: Path) -> None:
    file = write(tmp_path, "phq", questionnaire("phq-9"))
    unset = afterglow("instruments", "add", str(file))
    assert_fails(unset, "AFTERGLOW_INSTRUMENTS is not set: set it to a folder for your instruments and texts")
    nowhere = tmp_path / "nowhere"
    assert_fails(add(nowhere, file), f"AFTERGLOW_INSTRUMENTS: the folder {nowhere} cannot be read .*")
    assert_fails(
        afterglow("instruments", "list", instruments=str(nowhere)),
        f"AFTERGLOW_INSTRUMENTS: the folder {nowhere} cannot be read .*",
    )


def test_a_disk_that_cannot_be_written_is_named(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path, _content: bytes) -> int:
        raise OSError(28, "No space left on device")

    file = write(tmp_path, "phq", questionnaire("phq-9"))
    monkeypatch.setattr(Path, "write_bytes", fail)
    assert_fails(add(folder, file), f"{folder / 'phq-9.1.texts.json'} cannot be written .No space left on device.")


def test_serve_does_not_start_with_a_fault_and_names_each(tmp_path: Path, folder: Path) -> None:
    write(folder, "wisteria-scale.1.json", own_instrument(factor=0, title=""))
    database = f"sqlite:///{tmp_path / 'a.db'}"
    result = afterglow("serve", database_url=database, keyring=str(tmp_path / "keys.json"), instruments=str(folder))
    assert result.status == 78


def test_a_start_in_production_warns_of_unchecked_helplines_without_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(env=Environment.PRODUCTION)
    check_library(settings)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("afterglow: warning: helplines of US were not checked in the last 365 days: 988 Suicide")
    regions = json.loads((DATA / "help.1.json").read_bytes())["regions"]
    assert len(lines) == len(regions) + 1
    assert not any(
        line["call"] in text for region in ("GB", "DE") for line in regions[region]["lines"] for text in lines
    )
    own = write(tmp_path, "help.json", help_file())
    with time_machine.travel("2026-11-29"):
        check_library(settings.model_copy(update={"help": own}))
    assert capsys.readouterr().err == ""
    check_library(Settings())
    assert capsys.readouterr().err == ""


def test_a_start_with_a_fault_prints_a_line_for_each(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, "wisteria-scale.1.json", own_instrument(factor=0, title=""))
    with pytest.raises(typer.Exit):
        check_library(Settings(instruments=folder, help=tmp_path / "none"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "afterglow: not safe to start:"
    assert lines[1].startswith("- AFTERGLOW_HELP: ")
    assert [line.rpartition(": ")[2] for line in lines[1:]] == [
        f"{tmp_path / 'none'} cannot be read (No such file or directory)",
        "String should have at least 1 character.",
        "Input should be greater than or equal to 1.",
    ]
