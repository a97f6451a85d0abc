"""Recorders: functions that queue further rows each time records change.

The working set passes the changes of a write to every recorder. The rows are written in the same transaction.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from app.db import Row
from app.records import access
from app.records.resource import Resource
from app.records.write.feed_lock import FeedWrite, Former

ONE_CHANGE: Final = timedelta(minutes=10)


class Changed(NamedTuple):
    """One record that was created, changed or removed.

    `before` is its row before the change, None for a new record; `after` is its row now, None for a removed record.
    Both contain the sealed document. `is_first` is true for the first change ever with this id. `former` says
    which device or client wrote the version that the change replaces, and when the history had last kept a version; None
    for a new or removed record. `revised_at` is that time after the change: if the history keeps the replaced version, it
    is the time of this change.
    """

    resource: Resource
    id: UUID
    before: Row | None
    after: Row | None
    seq: int
    is_first: bool
    former: Former | None = None
    revised_at: datetime | None = None


Recorder = Callable[[FeedWrite, Sequence[Changed]], None]


def last_kept(former: Former | None, write: FeedWrite) -> datetime | None:
    """Return the `revised_at` of a record after a write that replaces the version `former`; None for a new record.

    It is the time of the write if the history keeps the replaced version, and otherwise the `revised_at` of `former`.
    The history does not keep the replaced version if the device that replaces it also wrote it, and the history kept a
    version in the last ten minutes. So the changes of one device within ten minutes count as one.
    """
    if former is None:
        return None
    kept = former.revised_at
    is_same_change = kept is not None and former.actor_id == write.actor_id and write.now - kept <= ONE_CHANGE
    return kept if is_same_change else write.now


def record_history(write: FeedWrite, changes: Sequence[Changed]) -> None:
    """Queue a row for each replaced version that the history keeps. The row contains the sealed document as it is.

    Also queue the deletion of a record's oldest versions beyond `MAX_REVISIONS`, and of all versions of removed
    records.
    """
    kept, trimmed, removed = list[Row](), list[Row](), list[Row]()
    for change in changes:
        key = {"collection": change.resource.collection, "id": change.id}
        if change.after is None:
            removed.append(key)
        elif change.before is not None and change.former is not None and change.revised_at != change.former.revised_at:
            kept.append(_revision_row(key, change.before, change.former) | {"replaced_at": change.revised_at})
            if change.former.revised_at is not None:
                trimmed.append(key | {"seq": change.before["seq"]})
    write.queue(access.KEEP_REVISION, kept)
    write.queue(access.TRIM_REVISIONS, trimmed)
    write.queue(access.REMOVE_REVISIONS, removed)


def _revision_row(key: Row, before: Row, former: Former) -> Row:
    copied = {"seq": before["seq"], "written_at": before["updated_at"], "document": before["document"]}
    return key | copied | {"written_by": former.actor_id}


def record_in_feed(write: FeedWrite, changes: Sequence[Changed]) -> None:
    """Queue a row of the table `change` for each record: it replaces the row of the record's previous change."""
    first: list[Row] = []
    later: list[Row] = []
    for change in changes:
        (first if change.is_first else later).append(_change_row(write, change))
    write.queue(access.INSERT_CHANGE, first)
    write.queue(access.UPDATE_CHANGE, later)


def _change_row(write: FeedWrite, change: Changed) -> Row:
    after = change.after
    return {
        "collection": change.resource.collection,
        "id": change.id,
        "seq": change.seq,
        "deleted": after is None,
        "written_at": write.now,
        "actor_id": write.actor_id,
        "visibility": None if after is None else after["visibility"],
        "revised_at": change.revised_at,
        "happened_at": None if after is None else change.resource.happened_at(after, write.timezone),
    }


def record_for_clinics(write: FeedWrite, changes: Sequence[Changed]) -> None:
    """Pass the changes to `Sharing`, which queues rows for the clinics that can see them."""
    if write.sharing is not None:
        for change in changes:
            write.sharing.add_change(change.resource, change.id, change.before, change.after, write.now)


RECORDERS: Final[tuple[Recorder, ...]] = (record_history, record_in_feed, record_for_clinics)
