"""The documents for developers: the decision records are listed, and the files and decisions that are named exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs" / "decisions"
RECORDS = sorted(DECISIONS.glob("[0-9]*.md"))
NUMBERS = {record.name[:3] for record in RECORDS}


def code() -> Iterator[Path]:
    for folder in ("app", "migrations", "tests"):
        yield from (ROOT / folder).rglob("*.py")


def test_the_index_lists_every_decision_by_its_title_in_order() -> None:
    titles = [record.read_text().splitlines()[0].removeprefix("# ").split(" · ", 1) for record in RECORDS]
    lines = re.findall(
        r"^- \[(\d{3})\]\((\S+)\) (.+?)(?: \(superseded.*\))?$", (DECISIONS / "README.md").read_text(), re.MULTILINE
    )
    assert lines == [(number, record.name, title) for record, (number, title) in zip(RECORDS, titles, strict=True)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:3])
def test_a_decision_has_every_part(record: Path) -> None:
    parts = re.findall(r"^\*\*(\w+)\.\*\*", record.read_text(), re.MULTILINE)
    assert [part for part in parts if part != "Figure"] == ["Context", "Decision", "Cost", "Alternatives"]


def test_every_decision_named_in_the_code_exists() -> None:
    named = {number for path in code() for number in re.findall(r"\bdecisions? (\d{3})\b", path.read_text())}
    assert named <= NUMBERS


def test_every_file_named_in_the_overview_exists() -> None:
    overview = (ROOT / "app" / "README.md").read_text()
    named = set(re.findall(r"`([\w/]+\.py)`", overview))
    files = [str(path.relative_to(ROOT)) for path in code()]
    assert named
    assert [name for name in sorted(named) if not any(file.endswith(f"/{name}") for file in files)] == []


def test_the_overview_is_short() -> None:
    assert len((ROOT / "app" / "README.md").read_text().splitlines()) <= 120


def test_every_command_of_the_guide_for_generating_a_client_is_executed_by_ci() -> None:
    guide, script = ((ROOT / name).read_text() for name in ("openapi/README.md", ".ci/sdks"))
    chapter = guide.partition("\n## Generating a client\n")[2].partition("\n## ")[0]
    languages = re.findall(r"^### (\w+)$", chapter, re.MULTILINE)
    (listed,) = re.findall(r"for language in (.*); do run_guide", script)
    assert len(languages) >= 5
    assert sorted(languages) == sorted([*listed.split(), *re.findall(r"run_guide (\w+)\b[^:]", script)])
