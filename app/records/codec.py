"""The codec: converts the stored row of a record to the JSON that its owner gets.

A record's *document* is its JSON text without the first two members, `id` and `version`. The record's row contains the
sealed document, so a read only decrypts the document and puts these two members in front.
"""

from collections.abc import Iterable
from typing import Any, Final

import orjson

from app import json_strict
from app.db import Row
from app.http import JSON, Response
from app.records.resource import Resource

EPOCH_SHIFT: Final = 2**40
MAX_PAGE_BYTES: Final = 4 * 2**20
"""A page ends after the document with which it reaches this size, even if it has fewer records than its limit.

This bounds the memory that a page takes on the server and on the device. Where stored sizes are compared with it, a page
has up to 4 096 bytes more for each record whose document is compressed (decision 093).
"""


def seq_of(version: int) -> int:
    """Return the sequence number in a version."""
    return version % EPOCH_SHIFT


def version_of(epoch: int, seq: int) -> int:
    """Return the version of a record: the feed's epoch and the sequence number in one integer."""
    return epoch * EPOCH_SHIFT + seq


def public_row(resource: Resource, row: Row, epoch: int) -> Row:
    """Return the public members of a record from its row, in their order."""
    version = version_of(epoch, row["seq"])
    return {name: version if name == "version" else row[name] for name in resource.public_names}


def document_of(resource: Resource, row: Row) -> str:
    """Return the document of a record, not sealed. `row` contains all members of the record."""
    return json_strict.dump_text({name: row[name] for name in resource.document_names})


def complete_row(resource: Resource, row: Row, document: str) -> Row:
    """Return a stored row with the fields added that are only in its sealed document; `document` is not sealed."""
    words = orjson.loads(document)
    return row | {name: words[name] for name in resource.sealed_names}


def record_json(id: str, version: int, document: str) -> str:
    """Return a record's JSON text: its document with `id` and `version` in front."""
    return f'{{"id":"{id}","version":{version},{document[1:]}'


def record_response(text: str, version: int, location: str | None = None) -> Response:
    """Return the response with one record (`text`) and its ETag.

    The status is 201 if `location` is given, because the record is new; otherwise 200.
    """
    headers = [JSON, (b"etag", etag(version))]
    if location is None:
        return Response(200, text.encode(), headers)
    return Response(201, text.encode(), [*headers, (b"location", location.encode())])


def page_response(records: Iterable[str], next_cursor: str | None) -> Response:
    """Return the response with a page of records, given as JSON texts.

    `next_cursor` is the cursor of the next page; None on the last page.
    """
    items = ",".join(records)
    return Response(200, f'{{"items":[{items}],"next_cursor":{json_strict.dump_text(next_cursor)}}}'.encode(), [JSON])


def etag(version: Any) -> bytes:
    """Return the strong entity tag of a record: its version in quotes."""
    return b'"%d"' % version
