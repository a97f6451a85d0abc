"""The parts of an archive: its files with records. All are read and checked before anything is imported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.records import Resource


class Draft(NamedTuple):
    """A record to create: its id, the values of its fields, and when it was created, if the archive says so."""

    id: UUID
    fields: dict[str, Any]
    created_at: datetime | None


class RejectedError(Exception):
    """A record that cannot be created: the code of its first fault, and its id if it has one."""

    def __init__(self, code: str, id: UUID | None = None) -> None:
        """Take the code and the id."""
        super().__init__(code)
        self.code, self.id = code, id


@dataclass
class Skipped:
    """The numbers of entries without words, and of media, that were not imported."""

    empty: int = 0
    media: int = 0


ReadDraft = Callable[[Any, Skipped], Draft | None]
"""Returns the draft of a record from a JSON value; None if it is skipped. Raises `RejectedError` if it is not valid."""


@dataclass
class Part:
    """A file with records of one kind.

    `lines` has the numbers of its lines, each a JSON text, in the order in which their records are to be created.
    """

    path: str
    resource: Resource
    read_draft: ReadDraft
    lines: Sequence[int]


def parents_first(ids: Sequence[UUID | None], parents: Sequence[UUID | None]) -> list[int]:
    """Return the positions of records, each after the position of its parent. In a cycle, one comes before its parent.

    An id or a parent is None if it is absent or not valid.
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
