"""Sharing: the rows that a write adds for clinics, if the owner has active consents.

For each active consent that covers a changed record, or covered it before the change, a write adds one row. If the
owner has no active consent, the write has no `Sharing`, and takes no additional statement.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from app.db import BulkStatement, Row
from app.records.coverage import UPDATE_HEADS, UPSERT_ITEMS, covers, item, shows_change
from app.records.resource import Resource, referred_kinds

ItemKey = tuple[UUID, str, UUID]
"""A clinic, a collection and a record's id."""


class Sharing:
    """The active consents of an owner during one write, and the changes that their clinics will pull."""

    def __init__(self, consents: Sequence[Row]) -> None:
        """Take the active consents, as they were read under the feed's lock or together with the feed."""
        self._consents = [*consents]
        self._items: dict[ItemKey, Row] = {}
        self.versions: dict[ItemKey, int] = {}
        """The new version of each shared item that this write adds or replaces."""
        self.visibility_changes: dict[UUID, set[UUID]] = {}
        """The ids of the records that became visible or invisible to a clinic, by clinic.

        Only records of kinds to which other records can refer.
        """

    @property
    def clinic_ids(self) -> set[UUID]:
        """The clinics that have changes of this write to pull."""
        return {clinic_id for clinic_id, _, _ in self.versions}

    def add_change(self, resource: Resource, id: UUID, before: Row | None, after: Row | None, now: datetime) -> None:
        """Add a row for each clinic that can see the change of this record."""
        for consent in self._consents:
            was = before is not None and covers(consent, resource, before)
            sees = after is not None and covers(consent, resource, after)
            if before and after:
                if was and sees and not shows_change(consent, resource, before, after):
                    continue
                if was != sees and resource in referred_kinds():
                    self.visibility_changes.setdefault(consent["clinic_id"], set()).add(id)
            if was or sees:
                self._add(consent, resource, id, now, removed=not sees)

    def add_referrer(self, resource: Resource, row: Row, targets: Iterable[UUID], now: datetime) -> None:
        """Add a row for each clinic that sees the record, and to which one of `targets` became visible or invisible."""
        for consent in self._consents:
            if self.visibility_changes.get(consent["clinic_id"], set()).intersection(targets) and covers(
                consent, resource, row
            ):
                self._add(consent, resource, row["id"], now, removed=False)

    def drain(self) -> list[tuple[BulkStatement, list[Row]]]:
        """Return the rows to write, by statement: the shared items, and the consents' new heads.

        The returned items are not returned again.
        """
        items, self._items = self._items, {}
        clinics = {clinic_id for clinic_id, _, _ in items}
        heads = [{"id": each["id"], "head": each["head"]} for each in self._consents if each["clinic_id"] in clinics]
        return [(UPSERT_ITEMS, [*items.values()]), (UPDATE_HEADS, heads)]

    def _add(self, consent: Row, resource: Resource, id: UUID, now: datetime, *, removed: bool) -> None:
        consent["head"] += 1
        key = consent["clinic_id"], resource.collection, id
        self.versions[key] = consent["head"]
        self._items[key] = item(*key, consent["head"], removed=removed, changed_at=now)
