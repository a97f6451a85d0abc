"""Restorations: checks of the versions that devices send, some of which a restore of the database lost."""

from collections.abc import Iterable
from typing import Final

from app.db import Row
from app.problems import CursorExpired
from app.records.codec import EPOCH_SHIFT, version_of

MAX_EPOCH: Final = 8191
MAX_PROVEN_EPOCH: Final = MAX_EPOCH - 2048
"""The highest epoch in which a version from a device can prove a loss, and so raise the epoch.

A client that invents versions can therefore not use up the epochs that `afterglow restored` needs.
"""


def proves_loss(version: int, epoch: int, head: int) -> bool:
    """Return whether a version from a device proves that the server has lost history.

    The version proves it if its epoch is the feed's current epoch, at most `MAX_PROVEN_EPOCH`, and its sequence number
    is above the feed's head.
    """
    known, seq = divmod(version, EPOCH_SHIFT)
    return known == epoch <= MAX_PROVEN_EPOCH and seq > head


def expired(version: int, epoch: int, restorations: Iterable[Row]) -> CursorExpired:
    """Return the problem for a device that sends a version from which the feed cannot continue.

    `epoch` is the feed's, and `restorations` are the rows of the owner. The reason is `restored` if a restore may have
    lost the version, and `expired` if the version is too old or another owner's. The version's epoch may be higher than
    the feed's: if one backup is restored twice, each restore starts a random epoch.
    """
    known = version // EPOCH_SHIFT
    kept = max(((row["epoch"], row["head"]) for row in restorations if row["epoch"] <= known), default=None)
    if known == epoch or kept is None:
        return CursorExpired.because("expired", None)
    return CursorExpired.because("restored", version_of(*kept))
