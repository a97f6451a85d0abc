"""Recorders: what is written beside a record each time it changes.

The write engine hands the changes of a write to every recorder, which queues rows of its own in the same transaction.
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

    `before` is its row as it was read, None if it is new or was not read; `after` is its row now, None if it was removed.
    Both have the sealed document. `is_first` is true for the first change of this id ever. `former` is what was known of
    the version that the change replaces, None if it replaces none, and `revised_at` when a former version was last kept,
    this one included.
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
    """Return the new `revised_at` of a record whose current version (`former`) a write replaces; None if it has none.

    It is the time of the write if the current version is kept in the history, else the value of `former`. The version is
    not kept if the same device wrote it and a version was kept in the last ten minutes: what a device writes within ten
    minutes counts as one change, but a version by another device is always kept.
    """
    if former is None:
        return None
    kept = former.revised_at
    is_same_change = kept is not None and former.actor_id == write.actor_id and write.now - kept <= ONE_CHANGE
    return kept if is_same_change else write.now


def record_history(write: FeedWrite, changes: Sequence[Changed]) -> None:
    """Queue the replaced versions that are kept, as they were sealed, and the deletion of all versions of removed records."""
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
    """Queue the row of the table `change`: one for each record, replaced by its next change."""
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
    """Note the changes that clinics with a consent can see."""
    if write.sharing is not None:
        for change in changes:
            write.sharing.note(change.resource, change.id, change.before, change.after, write.now)


RECORDERS: Final[tuple[Recorder, ...]] = (record_history, record_in_feed, record_for_clinics)
