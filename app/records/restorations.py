"""Restorations: check whether the server still has the history up to a version that a device sends.

A restore from a backup, or a failover, can lose changes that devices have pulled before.
"""

from collections.abc import Iterable
from typing import Final

from app.db import Row
from app.problems import CursorExpired
from app.records.codec import EPOCH_SHIFT, version_of

MAX_EPOCH: Final = 8191
MAX_PROVEN_EPOCH: Final = MAX_EPOCH - 2048
"""The highest epoch in which a version from a device can prove that the server has lost history.

Each such proof raises the feed's epoch. In higher epochs, only `afterglow restored` raises it, so that a client that
invents versions cannot use up the last epochs.
"""


def proves_loss(version: int, epoch: int, head: int) -> bool:
    """Return whether a version from a device proves that the server has lost history.

    `epoch` and `head` are those of the feed. A version is a proof if it has the feed's epoch, and a sequence number
    above the head: the server assigned this number, and no longer knows it. In an epoch above `MAX_PROVEN_EPOCH`, no
    version is a proof.
    """
    known, seq = divmod(version, EPOCH_SHIFT)
    return known == epoch <= MAX_PROVEN_EPOCH and seq > head


def expired(version: int, epoch: int, restorations: Iterable[Row]) -> CursorExpired:
    """Return the problem for a device that sends a version from which the feed cannot continue.

    `epoch` is the feed's, and `restorations` are the owner's rows of `restoration`. The problem's reason is `restored`
    if a restore may have lost the version, and `expired` if the version is too old, or from another owner's feed. The
    version's epoch may be higher than the feed's: if one backup is restored twice, each restore starts a random epoch.
    """
    known = version // EPOCH_SHIFT
    kept = max(((row["epoch"], row["head"]) for row in restorations if row["epoch"] <= known), default=None)
    if known == epoch or kept is None:
        return CursorExpired.because("expired", None)
    return CursorExpired.because("restored", version_of(*kept))
