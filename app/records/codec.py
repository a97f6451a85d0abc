"""The codec: from a row to what its owner sees, and nothing else answers with records.

A record's *document* is its JSON text without the first two members, `id` and `version`: it is kept ready beside the
record's latest change, so that whoever reads it only puts the two in front.
"""

from typing import Any, Final
from uuid import UUID

from app import json
from app.db import Row
from app.http import JSON, Answer, json_answer
from app.records.resource import Resource

EPOCH_SHIFT: Final = 2**40
AHEAD: Final = ("id", "version")


def version_of(epoch: int, seq: int) -> int:
    """Put a feed's epoch and a number together, as the wire has them."""
    return epoch * EPOCH_SHIFT + seq


def public_row(resource: Resource, row: Row, epoch: int) -> Row:
    """Return the members that the owner sees, in their order."""
    version = version_of(epoch, row["seq"])
    return {name: version if name == "version" else row[name] for name in resource.public_names}


def document_of(resource: Resource, row: Row) -> str:
    """Return a record's document."""
    return json.write({name: row[name] for name in resource.public_names if name not in AHEAD}).decode()


def whole(id: UUID, version: int, document: str) -> bytes:
    """Return a record's JSON text."""
    return f'{{"id":"{id}","version":{version},{document[1:]}'.encode()


def record_answer(text: bytes, version: int, location: str | None = None) -> Answer:
    """Answer with one record and its ETag, and with where it is, if it is new."""
    headers = [JSON, (b"etag", etag(version))]
    if location is None:
        return Answer(200, text, headers)
    return Answer(201, text, [*headers, (b"location", location.encode())])


def page_answer(rows: list[Row], next_cursor: str | None) -> Answer:
    """Answer with a page of records, and with what continues it."""
    items = [json.ready(whole(row["id"], row["version"], row["document"])) for row in rows]
    return json_answer({"items": items, "next_cursor": next_cursor})


def etag(version: Any) -> bytes:
    """Return the strong entity tag of a record: its version in quotes."""
    return b'"%d"' % version
