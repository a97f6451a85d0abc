"""Recorders: what is written beside a record each time it changes.

The write engine hands the changes of a write to every recorder, which queues rows of its own in the same transaction.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from app.db import Row
from app.records import access
from app.records.resource import Resource
from app.records.write.feed_lock import FeedWrite


class Changed(NamedTuple):
    """One record that was created, changed or removed.

    `before` is its row as it was read, None if it is new or was not read; `after` is its row now, None if it was removed.
    `document` is its JSON text without id and version. `is_first` is true for the first change of this id ever.
    """

    resource: Resource
    id: UUID
    before: Row | None
    after: Row | None
    document: str | None
    seq: int
    is_first: bool


Recorder = Callable[[FeedWrite, Sequence[Changed]], None]


def record_in_feed(write: FeedWrite, changes: Sequence[Changed]) -> None:
    """Queue the row of the table `change` that a pull reads: one for each record, replaced by its next change."""
    first: list[Row] = []
    later: list[Row] = []
    for change in changes:
        (first if change.is_first else later).append(_change_row(write, change))
    write.queue(access.INSERT_CHANGE, first)
    write.queue(access.UPDATE_CHANGE, later)


def _change_row(write: FeedWrite, change: Changed) -> Row:
    after, document = change.after, change.document
    collection = change.resource.collection
    return {
        "collection": collection,
        "id": change.id,
        "seq": change.seq,
        "deleted": after is None,
        "written_at": write.now,
        "actor_id": write.actor_id,
        "visibility": None if after is None else after["visibility"],
        "document": None if document is None else write.keys.seal(collection, change.id, change.seq, document),
    }


RECORDERS: Final[tuple[Recorder, ...]] = (record_in_feed,)
