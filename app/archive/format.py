"""The format of an archive: the files in it, and the shape of its manifest. Exports write it and imports read it.

README.txt                      what the archive contains, for its owner
manifest.json                   a `Manifest`
records/<collection>.jsonl      the records of a kind, one per line, as `GET` returns them, by `created_at` and `id`
journal/<year>-<month>.md       what was written in a month, to read
access.jsonl                    what clinics did, as `GET /v1/access` returns it, newest first; only if it is not empty
SHA256SUMS                      the sums of all other files, for `sha256sum -c`
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
    """A file of the archive. Neither the manifest itself nor `SHA256SUMS` is listed in the manifest."""

    path: str
    records: int | None
    """The number of its lines; null for a file that is not read by lines."""
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ArchivedAccount(BaseModel, defer_build=True):
    """The account at the time of the export."""

    email: str
    display_name: str | None
    timezone: str
    locale: str
    region: str | None = None  # archives of earlier versions have none
    second_factor_since: Instant | None = None
    """When the second factor was turned on; null if it was not on. Archives of earlier versions do not have it."""


class Manifest(BaseModel, defer_build=True):
    """What an archive contains. `cursor` continues a pull from the snapshot that was exported."""

    format: Literal["afterglow"]
    format_version: Literal[1]
    exported_at: Instant
    product_version: str
    account: ArchivedAccount
    cursor: str
    files: list[ArchivedFile]


def records_path(collection: str) -> str:
    """Return the path of the records of a kind."""
    return f"records/{collection}.jsonl"


def collection_of(path: str) -> str | None:
    """Return the collection whose records a path contains; None if it is another file."""
    found = _records(path)
    return None if found is None else found[1]


def journal_path(month: str) -> str:
    """Return the path of the journal of a month, given as `YYYY-MM`."""
    return f"journal/{month}.md"


def is_known(path: str) -> bool:
    """Return whether an archive may contain a file with this path."""
    return path in {README, MANIFEST, SUMS, ACCESS} or bool(_records(path) or _journal(path))


def sums_line(sha256: str, path: str) -> str:
    """Return the line of a file in `SHA256SUMS`, as `sha256sum` writes it."""
    return f"{sha256}  {path}\n"


def render_manifest(values: dict[str, Any]) -> bytes:
    """Return the text of a manifest from its members."""
    return json_strict.dump(values) + b"\n"
