"""What changes stored documents between a revision of the schema and the next one, and what undoes it in a downgrade."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from app.db import Database
from migrations import document_compression, document_members


class Work(Protocol):
    """A change of stored documents."""

    def __call__(self, db: Database, keyring: Path, report: Callable[[str], None]) -> Awaitable[None]:
        """Change the documents. `report` is called with each line of the report."""


class Step(NamedTuple):
    """A change of stored documents, and its reverse. Both can be repeated."""

    upgrade: Work
    downgrade: Work


STEPS: Final[Mapping[str, Step]] = {
    number: Step(
        partial(document_members.complete, added=added),
        partial(document_members.take_away, added=added),
    )
    for number, added in document_members.ADDED.items()
} | {document_compression.FIRST_COMPRESSED: Step(document_compression.compress, document_compression.decompress)}
"""By the revision at which they run, in ascending order."""
