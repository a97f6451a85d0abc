"""Restorations: the problem for a device whose version is older than a restore of its feed from a backup."""

from collections.abc import Iterable
from typing import Final

from app.db import Row
from app.problems import CursorExpired
from app.records.codec import EPOCH_SHIFT, version_of

MAX_EPOCH: Final = 8191
MAX_PROVEN_EPOCH: Final = MAX_EPOCH - 2048
"""No version that a device sends raises an epoch above this one, so a client that invents versions leaves epochs for
`afterglow restored`."""


def proves_loss(version: int, epoch: int, head: int) -> bool:
    """Return whether a version that a device sent proves that the server lost history: its epoch is the feed's present one,
    and it is beyond the feed's head. Above `MAX_PROVEN_EPOCH` nothing proves it.
    """
    known, seq = divmod(version, EPOCH_SHIFT)
    return known == epoch <= MAX_PROVEN_EPOCH and seq > head


def expired(version: int, epoch: int, restorations: Iterable[Row]) -> CursorExpired:
    """Return the problem of a version that a feed of this epoch cannot serve: `restored` if a backup did not have it,
    `expired` if it is too old or another owner's.

    If a backup is restored twice, the epoch that the first restore lost may be higher than the second one's.
    """
    known = version // EPOCH_SHIFT
    kept = max(((row["epoch"], row["head"]) for row in restorations if row["epoch"] <= known), default=None)
    if known == epoch or kept is None:
        return CursorExpired.because("expired", None)
    return CursorExpired.because("restored", version_of(*kept))
