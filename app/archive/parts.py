"""What the readers of archives return: the files with records (`Part`), all checked before anything is imported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.records import Resource


class Draft(NamedTuple):
    """A record to create: its id, the values of its fields, and the time of its creation.

    The time is None if the archive does not contain it.
    """

    id: UUID
    fields: dict[str, Any]
    created_at: datetime | None


class RejectedError(Exception):
    """A record of the archive cannot be created. `code` is the code of its first fault, and `id` its id or None."""

    def __init__(self, code: str, id: UUID | None = None) -> None:
        """Create the error; `id` is None if the record has no valid id."""
        super().__init__(code)
        self.code, self.id = code, id


@dataclass
class Skipped:
    """What an import from Day One leaves out: the number of journal entries without words, and the number of media."""

    empty: int = 0
    media: int = 0


ReadDraft = Callable[[Any, Skipped], Draft | None]
"""A function that returns the draft of a record, given the JSON value of a line; None if the value is skipped.

It adds skipped values to `Skipped`, and raises `RejectedError` if the value is not valid.
"""


@dataclass
class Part:
    """A file of an archive with records of one kind.

    `read_draft` reads a line of the file. `lines` has the numbers that the lines of the file have in `Lines`, in the
    order in which the records are to be created.
    """

    path: str
    resource: Resource
    read_draft: ReadDraft
    lines: Sequence[int]


def parents_first(ids: Sequence[UUID | None], parents: Sequence[UUID | None]) -> list[int]:
    """Sort records so that each follows its parent; return their positions in `ids`, in this order.

    `parents` has the id of the parent of each record. An id is None if it is absent or not valid. If the references
    form a cycle, one record of the cycle comes before its parent.
    """
    position = {id: number for number, id in enumerate(ids) if id is not None}
    ordered: list[int] = []
    done: set[int] = set()
    for start in range(len(ids)):
        line: list[int] = []
        at: int | None = start
        while at is not None and at not in done:
            done.add(at)
            line.append(at)
            parent = parents[at]
            at = None if parent is None else position.get(parent)
        ordered += reversed(line)
    return ordered
