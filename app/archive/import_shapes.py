"""The query parameters and the response of an import."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.http import QueryModel
from app.ids import Id
from app.openapi import example
from app.resources import RESOURCES

Count = Annotated[int, Field(ge=0, lt=2**31)]
EXAMPLE: Final = {
    "created": 2,
    "unchanged": 0,
    "conflicts": [{"collection": "reflections", "id": "019aa2c4-7b00-7000-8000-000000000004"}],
    "rejected": [{"path": "Journal.json", "id": "0a3bfc98-47bd-4173-881d-e43749f23b58", "code": "string-too-long"}],
    "skipped": {"empty": 1, "media": 3},
}


class ImportQuery(QueryModel):
    """The query parameters of an import."""

    origin: Literal["afterglow", "day-one"] = Field(
        "afterglow",
        alias="from",
        description="The origin of the archive. `afterglow`: it is from `GET /v1/export`. `day-one`: it is a ZIP file "
        "that the journal app Day One exported as JSON.",
    )


class ImportConflict(BaseModel, defer_build=True):
    """A record of the archive whose id belongs to a record with other content, or to a removed record.

    The import does not change the record of the account.
    """

    collection: Annotated[str, Field(json_schema_extra={"enum": [each.collection for each in RESOURCES]})] = Field(
        description="The record's collection."
    )
    id: Id = Field(description="The record's id.")


class ImportRejection(BaseModel, defer_build=True):
    """A record of the archive that is not imported, because it is not valid or exceeds a quota."""

    path: str = Field(description="The path of the file in the archive.")
    id: Id | None = Field(description="The record's id; null if it has no valid one.")
    code: str = Field(
        description="The code of the first error, as in the `errors` of a problem, or `quota-exceeded`. Expect new values."
    )


class ImportSkipped(BaseModel, defer_build=True):
    """What an import from Day One leaves out: journal entries without words, and media."""

    empty: Count = Field(description="The number of journal entries without words.")
    media: Count = Field(description="The number of photos, recordings, videos and documents of the journal entries.")


class ImportResult(BaseModel, defer_build=True):
    """The result of an import. Each record of the archive is counted or listed in one of the members."""

    model_config = ConfigDict(json_schema_extra=example(EXAMPLE))

    created: Count = Field(description="The number of records that were created.")
    unchanged: Count = Field(description="The number of records that exist with the same content.")
    conflicts: list[ImportConflict] = Field(description="The records that exist with other content, or were removed.")
    rejected: list[ImportRejection] = Field(description="The records that cannot be created.")
    skipped: ImportSkipped = Field(
        description="What an import from Day One leaves out: journal entries without words, and media."
    )
