"""Adds a kind of record to this checkout: `uv run python -m tests.new_kind practices`.

It writes the kind's module with its fields, rules and routes, registers it in `app/resources/__init__.py`, writes a test
of its rules, and generates the numbered migration and the OpenAPI document. Then change the module and the test, and run
the same command with `--again`: it formats them, and generates the migration and the documents from the changed module.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from uuid import uuid4

ROOT: Final = Path(__file__).parents[1]
KIND: Final = '''"""PLURAL_TITLE."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from app import records
from app.http import Response
from app.ids import Id
from app.problems import Fault, InvalidTransition
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.text import Text200, Text20000


class CLASSStatus(StrEnum):
    """The status of a WORDS."""

    ACTIVE = "active"
    ENDED = "ended"
    ENTERED_IN_ERROR = "entered-in-error"


class CLASSFields(records.Fields):
    """The fields of a WORDS that a client sets."""

    title: Text200 = Field(min_length=1, description="A title.")
    notes: Text20000 | None = Field(None, description="Notes.")
    status: CLASSStatus = Field(
        CLASSStatus.ACTIVE, description="The status."
    )
    session_id: Id | None = Field(None, description="The session that the WORDS belongs to.")


class CLASSRecord(CLASSFields, records.Record, table=True):
    """A WORDS, as stored."""

    __tablename__ = "TABLE"
    __table_args__ = records.references(session_id="session")
    has_notes: bool


EXAMPLE: Final = {
    "id": "EXAMPLE_ID",
    "title": "A title",
    "notes": "Notes.",
    "status": "active",
    "session_id": "019aa2c4-7b00-7000-8000-000000000001",
}
PATCH_EXAMPLE: Final = {"notes": "Other notes."}


@shapes.public(EXAMPLE)
class CLASS(CLASSFields, records.RecordPublic):
    """A WORDS, as its owner sees it."""


@shapes.draft(EXAMPLE)
class CLASSDraft(CLASSFields, records.RecordDraft):
    """A new WORDS."""


@shapes.patch(PATCH_EXAMPLE)
class CLASSPatch(CLASSFields):
    """A change of a WORDS (RFC 7396): an absent field is unchanged, null clears a field."""


CLASSPage: Final = shapes.page(CLASS, "A page of PLURAL_WORDS, newest first.")


class CLASSFilters(records.Filters):
    """The filters of a list of PLURAL_WORDS."""

    session_id: Id | None = Field(None, description="Only PLURAL_WORDS of this session.")
    status: list[CLASSStatus] | None = Field(None, description="Only PLURAL_WORDS with one of these statuses.")
    noted: Annotated[records.Flag | None, Where("has_notes", "=")] = Field(
        None, description="Only PLURAL_WORDS with notes (true) or without notes (false)."
    )


TRANSITIONS: Final = records.transitions({"active": "ended"}, error="entered-in-error")


def settle(TABLE: CLASSFields, _before: CLASSFields | None, _view: View) -> Iterator[Fault]:
    """Check the rules of a WORDS."""
    if TABLE.title.isspace():
        yield Fault("/title", "required", "Send a title that is not blank.")


CONSTANT: Final = records.Resource(
    collection="COLLECTION",
    description="PLURAL_TITLE.",
    text="notes",
    record=CLASSRecord,
    fields=CLASSFields,
    draft=CLASSDraft,
    patch=CLASSPatch,
    public=CLASS,
    filters=CLASSFilters,
    settle=settle,
    example=EXAMPLE,
    transitions=TRANSITIONS,
    facts={"has_notes": lambda row: bool(row["notes"])},
)

router = CONSTANT.router


@router.post(
    "", status_code=201, response_model=CLASS, responses=records.create_responses(CLASS), summary="Create a WORDS"
)
async def create_TABLE(view: OwnRecords, draft: CLASSDraft) -> Response:
    """Create a WORDS.

    If the client chooses the `id`, the same draft sent again returns the existing record. Without an `id`, each request
    creates a new record.
    """
    return await records.create(view, CONSTANT, draft)


@router.get("", response_model=CLASSPage, responses=records.list_responses(), summary="List PLURAL_WORDS")
async def list_MODULE(view: OwnRecords, filters: Annotated[CLASSFilters, Query()]) -> Response:
    """Return your PLURAL_WORDS, newest first."""
    return await records.page(view, CONSTANT, filters)


@router.get("/{id:id}", response_model=CLASS, responses=records.read_responses(), summary="Get a WORDS")
async def get_TABLE(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one WORDS."""
    return await records.read(view, CONSTANT, id, if_none_match)


@router.patch(
    "/{id:id}",
    response_model=CLASS,
    responses=records.change_responses(InvalidTransition),
    summary="Update a WORDS",
)
async def change_TABLE(view: OwnRecords, id: Id, patch: CLASSPatch, if_match: IfMatch = None) -> Response:
    """Update a WORDS.

    If the new status cannot follow the current one, the response is 409 with the allowed statuses.
    """
    return await records.change(view, CONSTANT, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete a WORDS")
async def remove_TABLE(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete a WORDS. Records that refer to it are kept; their references become null.

    Deleting a record again returns 404.
    """
    return await records.remove(view, CONSTANT, id, if_match)
'''
RULES: Final = '''"""The rules of PLURAL_WORDS."""

import pytest

from app.resources.MODULE import CONSTANT
from tests.refusals import pointers, refused
from tests.resources.record_writer import RecordWriter
from tests.serving import Person


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    return RecordWriter(alice, CONSTANT, title="wisteria")


def test_its_fields_accept_values_up_to_their_bounds(writer: RecordWriter) -> None:
    writer.assert_text_fields(title=200, notes=20_000)
    writer.assert_choices(status="active ended entered-in-error", visibility="private shared")


def test_a_title_is_not_blank(writer: RecordWriter) -> None:
    assert pointers(writer.post(title=" ")) == ["/title"]


def test_a_TABLE_that_has_ended_stays_ended(writer: RecordWriter) -> None:
    record = writer.create(status="ended")
    problem = refused(writer.patch(record, status="active"), 409, "invalid-transition")
    assert problem["allowed"] == ["entered-in-error"]
'''


def names_of(collection: str, singular: str) -> dict[str, str]:
    """Return the value of each placeholder of the templates."""
    words = singular.replace("-", " ")
    return {
        "PLURAL_TITLE": collection.replace("-", " ").capitalize(),
        "PLURAL_WORDS": collection.replace("-", " "),
        "COLLECTION": collection,
        "CONSTANT": collection.replace("-", "_").upper(),
        "EXAMPLE_ID": f"019aa2c4-7b00-7000-8000-{uuid4().hex[:12]}",
        "MODULE": collection.replace("-", "_"),
        "TABLE": singular.replace("-", "_"),
        "CLASS": "".join(part.capitalize() for part in singular.split("-")),
        "WORDS": words,
    }


def _filled(template: str, names: dict[str, str]) -> str:
    for placeholder, name in names.items():
        template = template.replace(placeholder, name)
    return re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", template)


def files_of(root: Path, names: dict[str, str]) -> tuple[Path, Path]:
    """Return the module of a kind, which may have become a package, and the test of its rules."""
    package = root / "app/resources" / names["MODULE"]
    module = package if package.is_dir() else package.with_suffix(".py")
    return module, root / f"tests/resources/test_{names['MODULE']}.py"


def write(root: Path, names: dict[str, str]) -> None:
    """Write the module and the test of a new kind, and register it."""
    for file, template in zip(files_of(root, names), (KIND, RULES), strict=True):
        file.write_text(_filled(template, names), encoding="utf-8")
    registry = root / "app/resources/__init__.py"
    text = registry.read_text(encoding="utf-8")
    imported = re.search(r"from app\.resources import \(?([^)]*?)\)?\n\n", text)
    assert imported is not None
    modules = ", ".join(sorted({*re.findall(r"\w+", imported[1]), names["MODULE"]}))
    text = text.replace(imported[0], f"from app.resources import ({modules})\n\n")
    entry = f"\n    {names['MODULE']}.{names['CONSTANT']},\n)\n"
    registry.write_text(text.replace("\n)\n", entry), encoding="utf-8")


def generate(root: Path, names: dict[str, str]) -> None:
    """Format the files of a kind, and generate its migration and the OpenAPI documents from its module."""
    python = [sys.executable, "-m"]
    files = [*files_of(root, names), root / "app/resources/__init__.py"]
    subprocess.run([*python, "ruff", "check", "--fix", "-q", *files], cwd=root, check=True)  # removes unused imports
    subprocess.run([*python, "ruff", "format", "-q", *files], cwd=root, check=True)
    for former in (root / "migrations/versions").glob(f"*_{names['MODULE']}_their_table.py"):
        former.unlink()
    database = root / f"new-kind-{uuid4().hex}.db"
    environment = os.environ | {"AFTERGLOW_DATABASE_URL": f"sqlite:///{database}"}
    message = f"{names['PLURAL_WORDS']}: their table"
    try:
        for command in (["upgrade", "head"], ["revision", "--autogenerate", "-m", message]):
            subprocess.run([*python, "alembic", *command], cwd=root, env=environment, check=True)
    finally:
        for file in root.glob(f"{database.name}*"):
            file.unlink()
    for document, program in (
        ("openapi/openapi.json", ["-c", "from app.cli import main; main()", "openapi"]),
        ("tests/house/openapi_structure.json", ["-m", "tests.house.openapi_structure"]),
    ):
        command = [sys.executable, *program]
        printed = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True).stdout
        (root / document).write_bytes(printed)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.new_kind", description="Add a kind of record.")
    parser.add_argument("plural", help="the name of its collection, for example: practices")
    parser.add_argument("singular", nargs="?", help="by default the plural without its last s")
    parser.add_argument("--again", action="store_true", help="generate everything again after you changed its module")
    arguments = parser.parse_args()
    plural: str = arguments.plural
    singular: str = arguments.singular or re.sub("ies$", "y", plural).removesuffix("s")
    names = names_of(plural, singular)
    if not all(re.fullmatch("[a-z]+(-[a-z]+)*", name) for name in (plural, singular)):
        parser.error("a name has lower-case letters, with hyphens between its words")
    if files_of(ROOT, names)[0].exists() is not arguments.again:
        parser.error(f"{plural} do not exist yet" if arguments.again else f"{plural} exist already: use --again")
    if not arguments.again:
        write(ROOT, names)
    generate(ROOT, names)
    module, test = (path.relative_to(ROOT) for path in files_of(ROOT, names))
    first = f"Now change {module}, {test} and openapi/CHANGELOG.md; then run this command with --again."
    again = "If the API has served the kind in a former form, delete afterglow.db."
    sys.stdout.write(f"{again if arguments.again else first}\n")


if __name__ == "__main__":
    main()
