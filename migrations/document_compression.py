"""Compresses stored documents, as the server compresses new ones, and stores them without compression for a downgrade.

Earlier versions cannot read compressed documents, so there are none below the revision `FIRST_COMPRESSED`. A document that
cannot be decrypted stays as it is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.db import Database, Row
from app.problems import UnreadableRecord
from app.sealing import COMPRESSED, OwnerKeys
from app.sealing.compression import MIN_BYTES
from migrations.resealing import reseal

FIRST_COMPRESSED: Final = "0036"
"""The first revision with compressed documents."""
_COLLECTIONS: Final = {
    "element": "elements",
    "intention": "intentions",
    "reflection": "reflections",
    "action_item": "action-items",
    "practice": "practices",
    "practice_entry": "practice-entries",
    "check_in": "check-ins",
    "assessment": "assessments",
    "outcome": "outcomes",
}
"""The collection of each table whose documents only their owner writes, at the revision `FIRST_COMPRESSED`."""


async def compress(db: Database, keyring: Path, report: Callable[[str], None]) -> None:
    """Compress each document for which this is allowed and useful."""
    for table, collection in _COLLECTIONS.items():
        if count := await reseal(db, keyring, table, collection, _compressed, selects=_is_large_and_plain):
            report(f"compressed {count} documents of {collection}")


async def decompress(db: Database, keyring: Path, report: Callable[[str], None]) -> None:
    """Store each compressed document without compression."""
    for table, collection in _COLLECTIONS.items():
        if count := await reseal(db, keyring, table, collection, _decompressed, selects=_is_compressed):
            report(f"decompressed {count} documents of {collection}")


def _is_large_and_plain(sealed: bytes) -> bool:
    return len(sealed) > MIN_BYTES and not _is_compressed(sealed)


def _is_compressed(sealed: bytes) -> bool:
    return sealed.startswith(COMPRESSED)


def _compressed(owner: OwnerKeys, collection: str, row: Row) -> bytes | None:
    sealed = _sealed_again(owner, collection, row, may_compress=True)
    return sealed if sealed is not None and _is_compressed(sealed) else None


def _decompressed(owner: OwnerKeys, collection: str, row: Row) -> bytes | None:
    return _sealed_again(owner, collection, row, may_compress=False)


def _sealed_again(owner: OwnerKeys, collection: str, row: Row, *, may_compress: bool) -> bytes | None:
    try:
        document = owner.open(collection, row["id"], row["seq"], row["document"])
    except UnreadableRecord:
        return None
    return owner.seal(collection, row["id"], row["seq"], document, may_compress=may_compress)
