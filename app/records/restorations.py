"""Restorations: what to tell a device whose version is of before its feed was restored from a backup."""

from collections.abc import Iterable

from app.db import Row
from app.problems import CursorExpired
from app.records.codec import EPOCH_SHIFT, version_of


def expired(version: int, epoch: int, restorations: Iterable[Row]) -> CursorExpired:
    """Say why a feed of this epoch cannot serve a version: a backup did not have it, or it is too old, or not ours.

    Where a backup is restored twice, the epoch that was lost with the first time may be the later one.
    """
    known = version // EPOCH_SHIFT
    kept = max(((row["epoch"], row["head"]) for row in restorations if row["epoch"] <= known), default=None)
    if known == epoch or kept is None:
        return CursorExpired.because("expired", None)
    return CursorExpired.because("restored", version_of(*kept))
