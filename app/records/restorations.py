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
    """Return whether a version that a device sent proves that the server lost history: its epoch is the feed's current one,
    and it is beyond the feed's head. Epochs above `MAX_PROVEN_EPOCH` prove nothing.
    """
    known, seq = divmod(version, EPOCH_SHIFT)
    return known == epoch <= MAX_PROVEN_EPOCH and seq > head


def expired(version: int, epoch: int, restorations: Iterable[Row]) -> CursorExpired:
    """Return the problem for a version from which a feed in this epoch cannot continue.

    The reason is `restored` if a restore may have lost the version, `expired` if it is too old or another owner's. The
    version's epoch may be higher than the feed's: if the same backup is restored twice, each restore starts a random epoch.
    """
    known = version // EPOCH_SHIFT
    kept = max(((row["epoch"], row["head"]) for row in restorations if row["epoch"] <= known), default=None)
    if known == epoch or kept is None:
        return CursorExpired.because("expired", None)
    return CursorExpired.because("restored", version_of(*kept))
