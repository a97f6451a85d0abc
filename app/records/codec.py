"""The codec: from a row to an answer, and nothing else answers with records."""

from app.db import Row
from app.http import Answer, json_answer
from app.records.resource import Resource


def public_row(resource: Resource, row: Row) -> Row:
    """Return the members that the owner sees, in their order."""
    return {name: row[name] for name in resource.public_names}


def record_answer(row: Row, status: int = 200, location: str | None = None) -> Answer:
    """Answer with one record and its ETag, and with where it is, if it is new."""
    headers = [(b"etag", etag(row))]
    if location is not None:
        headers.append((b"location", location.encode()))
    return json_answer(row, status, headers)


def page_answer(rows: list[Row], next_cursor: str | None) -> Answer:
    """Answer with a page of records, and with what continues it."""
    return json_answer({"items": rows, "next_cursor": next_cursor})


def etag(row: Row) -> bytes:
    """Return the strong entity tag of a record: its version in quotes."""
    return b'"%d"' % row["version"]
