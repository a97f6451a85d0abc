"""Gives stored documents of records the members that a later version has added, and takes them away again for a downgrade.

Documents are sealed: each is opened, completed, and sealed again for the same version.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from app.db import Database, Row
from app.sealing import OwnerKeys
from migrations.resealing import reseal


class Members(NamedTuple):
    """Members that documents of a kind got at their end, as JSON text with their first values and a leading comma."""

    table: str
    collection: str
    text: str

    @property
    def begin(self) -> str:
        """The beginning of the first member. In a person's words the quotes would be escaped."""
        return self.text.partition(":")[0] + ":"

    def add(self, document: str) -> str:
        """Return a document with the members."""
        return document if self.begin in document else f"{document[:-1]}{self.text}}}"

    def take_away(self, document: str) -> str:
        """Return a document without the members, whatever their values are."""
        return document.rpartition(self.begin)[0] + "}" if self.begin in document else document


MANAGED: Final = "0023"
"""The revision with sessions that clinics manage."""
PRACTISED: Final = "0025"
"""The revision with practices."""
ADDED: Final[Mapping[str, Sequence[Members]]] = {
    MANAGED: (Members("session", "sessions", ',"clinic_id":null'),),
    PRACTISED: (
        Members("intention", "intentions", ',"scale":null,"weight":1,"baseline":null'),
        Members("reflection", "reflections", ',"prompt_id":null'),
    ),
}
"""The members that documents get between a revision and the next one."""


async def complete(db: Database, keyring: Path, report: Callable[[str], None], added: Sequence[Members]) -> None:
    """Add the members to each document that lacks them."""
    for members in added:
        await _rewrite(db, keyring, report, members, members.add)


async def take_away(db: Database, keyring: Path, report: Callable[[str], None], added: Sequence[Members]) -> None:
    """Remove the members from each document that has them."""
    for members in added:
        await _rewrite(db, keyring, report, members, members.take_away)


async def _rewrite(
    db: Database, keyring: Path, report: Callable[[str], None], members: Members, change: Callable[[str], str]
) -> None:
    def rewritten(owner: OwnerKeys, collection: str, row: Row) -> bytes | None:
        document = owner.open(collection, row["id"], row["seq"], row["document"])
        changed = change(document)
        return None if changed == document else owner.seal(collection, row["id"], row["seq"], changed)

    if count := await reseal(db, keyring, members.table, members.collection, rewritten):
        report(f"completed {count} documents of {members.collection}")
