"""The format of an archive: its files, and the shape of its manifest. Exports write this format, and imports read it.

README.txt                      an explanation of the archive for its owner
manifest.json                   a `Manifest`
records/<collection>.jsonl      the records of a kind as `GET` returns them, one per line, by `created_at` and `id`
journal/<year>-<month>.md       what the person wrote in a month, for reading
access.jsonl                    the access log as `GET /v1/access` returns it, newest first; absent if it is empty
SHA256SUMS                      the checksums of all other files, for `sha256sum -c`
"""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from app import json_strict
from app.clock import Instant

MEDIA_TYPE: Final = "application/zip"
FORMAT: Final = "afterglow"
FORMAT_VERSION: Final = 1
README: Final = "README.txt"
MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"
ACCESS: Final = "access.jsonl"

_records = re.compile(r"records/([a-z]+(?:-[a-z]+)*)\.jsonl", re.ASCII).fullmatch
_journal = re.compile(r"journal/[0-9]{4}-(?:0[1-9]|1[0-2])\.md", re.ASCII).fullmatch


class ArchivedFile(BaseModel, defer_build=True):
    """The manifest's entry for a file. The manifest lists all files of the archive except itself and `SHA256SUMS`."""

    path: str
    records: int | None
    """The number of lines of a JSON Lines file; null for other files."""
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ArchivedAccount(BaseModel, defer_build=True):
    """The account at the time of the export."""

    email: str
    display_name: str | None
    timezone: str
    locale: str
    region: str | None = None  # archives of earlier versions do not have it
    second_factor_since: Instant | None = None
    """When the second factor was turned on; null if it was not on at the time of the export.

    Archives of earlier versions of the product do not have this member.
    """


class Manifest(BaseModel, defer_build=True):
    """The manifest of an archive: the account, the files of the archive, and the version of the format.

    A pull with `cursor` returns the changes that were made after the export's snapshot of the database.
    """

    format: Literal["afterglow"]
    format_version: Literal[1]
    exported_at: Instant
    product_version: str
    account: ArchivedAccount
    cursor: str
    files: list[ArchivedFile]


def records_path(collection: str) -> str:
    """Return the path of the file with the records of a collection."""
    return f"records/{collection}.jsonl"


def collection_of(path: str) -> str | None:
    """Return the collection whose records are in the file at `path`; None if the file does not contain records."""
    found = _records(path)
    return None if found is None else found[1]


def journal_path(month: str) -> str:
    """Return the path of the journal file for a month, such as `2026-11`."""
    return f"journal/{month}.md"


def is_known(path: str) -> bool:
    """Return whether an archive may contain a file with this path."""
    return path in {README, MANIFEST, SUMS, ACCESS} or bool(_records(path) or _journal(path))


def sums_line(sha256: str, path: str) -> str:
    """Return the line of `SHA256SUMS` for a file, in the format of the command `sha256sum`."""
    return f"{sha256}  {path}\n"


def render_manifest(values: dict[str, Any]) -> bytes:
    """Return the JSON text of a manifest; `values` are its members."""
    return json_strict.dump(values) + b"\n"
