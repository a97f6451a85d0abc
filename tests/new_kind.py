"""Adds a kind of record to this checkout: `uv run python -m tests.new_kind practices`.

It writes the kind's module with its fields, rules and routes, registers it in `app/resources/__init__.py`, generates the
numbered migration, writes a test of its rules, and regenerates the OpenAPI document. What the kind is stands then in its
module: change the fields and `settle` there, and generate the migration again.
"""

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
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from app import records
from app.http import Response
from app.ids import Id
from app.problems import Fault
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.text import Text200, Text20000


class CLASSFields(records.Fields):
    """The fields of a WORDS that a client sets."""

    title: Text200 = Field(min_length=1, description="A title.")
    notes: Text20000 | None = Field(None, description="Notes.")
    session_id: Id | None = Field(None, description="The session that the WORDS belongs to.")


class CLASSRecord(CLASSFields, records.Record, table=True):
    """A WORDS, as stored."""

    __tablename__ = "TABLE"
    __table_args__ = records.references(session_id="session")


EXAMPLE: Final = {
    "id": "EXAMPLE_ID",
    "title": "A title",
    "notes": "Notes.",
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

    session_id: Id | None = Field(None, description="Of this session.")
    noted: Annotated[records.Flag | None, Where("notes", "present")] = Field(
        None, description="With notes (true) or without (false)."
    )


def settle(TABLE: CLASSFields, _before: CLASSFields | None, _view: View) -> Iterator[Fault]:
    """Check the rules of a WORDS."""
    if TABLE.title.isspace():
        yield Fault("/title", "blank-title", "Send a title that is not blank.")


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
)

router = CONSTANT.router


@router.post(
    "", status_code=201, response_model=CLASS, responses=records.create_responses(CLASS), summary="Create a WORDS"
)
async def create_TABLE(view: OwnRecords, draft: CLASSDraft) -> Response:
    """Create a WORDS. Sending the same draft again is safe."""
    return await records.create(view, CONSTANT, draft)


@router.get("", response_model=CLASSPage, responses=records.list_responses(), summary="List PLURAL_WORDS")
async def list_MODULE(view: OwnRecords, filters: Annotated[CLASSFilters, Query()]) -> Response:
    """Return your PLURAL_WORDS, newest first."""
    return await records.page(view, CONSTANT, filters)


@router.get("/{id:id}", response_model=CLASS, responses=records.read_responses(), summary="Get a WORDS")
async def get_TABLE(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one WORDS."""
    return await records.read(view, CONSTANT, id, if_none_match)


@router.patch("/{id:id}", response_model=CLASS, responses=records.change_responses(), summary="Update a WORDS")
async def change_TABLE(view: OwnRecords, id: Id, patch: CLASSPatch, if_match: IfMatch = None) -> Response:
    """Update a WORDS."""
    return await records.change(view, CONSTANT, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete a WORDS")
async def remove_TABLE(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete a WORDS. Records that refer to it stay; their references become null.

    A record that was deleted already is not found (404).
    """
    return await records.remove(view, CONSTANT, id, if_match)
'''
RULES: Final = '''"""The rules of PLURAL_WORDS."""

from tests.drafts import draft_of, resource_of
from tests.refusals import pointers
from tests.serving import Person


def test_a_title_is_not_blank(alice: Person) -> None:
    draft = draft_of(resource_of("COLLECTION"))
    assert pointers(alice.client.post("/v1/COLLECTION", json=draft | {"title": " "})) == ["/title"]
    assert alice.client.post("/v1/COLLECTION", json=draft).status_code == 201
'''


def names_of(collection: str, singular: str) -> dict[str, str]:
    """Return what each placeholder of the templates stands for."""
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


def write(root: Path, collection: str, singular: str) -> None:
    """Write the files of a kind, and generate its migration and the OpenAPI document."""
    names = names_of(collection, singular)

    def filled(template: str) -> str:
        for placeholder, name in names.items():
            template = template.replace(placeholder, name)
        return re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", template)

    module, constant = names["MODULE"], names["CONSTANT"]
    (root / f"app/resources/{module}.py").write_text(filled(KIND), encoding="utf-8")
    (root / f"tests/resources/test_{module}.py").write_text(filled(RULES), encoding="utf-8")
    written = [f"app/resources/{module}.py", f"tests/resources/test_{module}.py"]
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", *written], cwd=root, check=True)
    registry = root / "app/resources/__init__.py"
    text = registry.read_text(encoding="utf-8")
    imported = re.search(r"from app\.resources import (.*)", text)
    assert imported is not None
    modules = ", ".join(sorted({*imported[1].split(", "), module}))
    text = text.replace(imported[0], f"from app.resources import {modules}")
    registry.write_text(text.replace("\n)\n", f"\n    {module}.{constant},\n)\n"), encoding="utf-8")
    database = root / f"new-kind-{uuid4().hex}.db"
    environment = os.environ | {"AFTERGLOW_DATABASE_URL": f"sqlite:///{database}"}
    alembic = [sys.executable, "-m", "alembic"]
    try:
        subprocess.run([*alembic, "upgrade", "head"], cwd=root, env=environment, check=True)
        message = f"{names['PLURAL_WORDS']}: their table"
        subprocess.run([*alembic, "revision", "--autogenerate", "-m", message], cwd=root, env=environment, check=True)
    finally:
        for file in root.glob(f"{database.name}*"):
            file.unlink()
    document = subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", "openapi"],
        cwd=root,
        env=environment,
        check=True,
        capture_output=True,
    ).stdout
    (root / "openapi/openapi.json").write_bytes(document)
    structure = subprocess.run(
        [sys.executable, "-m", "tests.house.openapi_structure"], cwd=root, check=True, capture_output=True
    ).stdout
    (root / "tests/house/openapi_structure.json").write_bytes(structure)


if __name__ == "__main__":
    plural, *others = sys.argv[1:]
    write(ROOT, plural, *others or [plural.removesuffix("s")])
