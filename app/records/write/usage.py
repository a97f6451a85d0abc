"""Usage: how many records, bytes of documents and remembered operations an owner has, and the quotas that limit them.

The numbers are columns of the feed's row. A write reads them together with the feed's head, counts each change, and
writes them together with the new head. So the numbers are exact, and take no additional statement (decision 074).
"""

from app.db import Row
from app.problems import Quota, QuotaExceeded
from app.settings import Settings


class Usage:
    """The usage of one owner during a write, and its limits."""

    __slots__ = ("_first", "_settings", "document_bytes", "records", "remembered_ops")

    def __init__(self, settings: Settings, records: int, document_bytes: int, remembered_ops: int) -> None:
        """Start with the numbers from the feed's row."""
        self._settings = settings
        self.records, self.document_bytes, self.remembered_ops = records, document_bytes, remembered_ops
        self._first = records, document_bytes, remembered_ops

    @property
    def columns(self) -> Row:
        """The numbers as columns of the feed's row."""
        return {
            "records": self.records,
            "document_bytes": self.document_bytes,
            "remembered_ops": self.remembered_ops,
        }

    @property
    def has_changed(self) -> bool:
        """Whether the numbers differ from those that were read from the feed's row."""
        return self._first != (self.records, self.document_bytes, self.remembered_ops)

    def reset(self) -> None:
        """Reset the numbers to those from the feed's row, because nothing will be written."""
        self.records, self.document_bytes, self.remembered_ops = self._first

    def add(self, before: Row | None, after: Row, *, is_limited: bool) -> QuotaExceeded | None:
        """Count a record that was created (`before` is None) or changed.

        If `is_limited`, and the record exceeds a quota, count nothing, and return the problem. A change that does not
        make the sealed document larger never exceeds a quota. `before` and `after` contain the sealed document.
        """
        growth = len(after["document"]) - (0 if before is None else len(before["document"]))
        if is_limited:
            settings = self._settings
            if before is None and self.records >= settings.quota_records:
                return QuotaExceeded(Quota.RECORDS, settings.quota_records, self.records)
            if growth > 0 and self.document_bytes + growth > settings.quota_document_bytes:
                return QuotaExceeded(Quota.DOCUMENT_BYTES, settings.quota_document_bytes, self.document_bytes)
        self.records += before is None
        self.document_bytes += growth
        return None

    def remove(self, row: Row) -> None:
        """Stop counting a record that was removed; `row` contains its sealed document."""
        self.records -= 1
        self.document_bytes -= len(row["document"])

    def check_operation(self) -> QuotaExceeded | None:
        """Return a problem if no further operation can be remembered."""
        limit = self._settings.quota_operations
        return QuotaExceeded(Quota.OPERATIONS, limit, self.remembered_ops) if self.remembered_ops >= limit else None
