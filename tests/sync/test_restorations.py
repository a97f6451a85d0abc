"""Restorations: which of the versions that cannot be served are of a time that a restored backup had."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.ids import new_id
from app.records.restorations import expired

NOTED = ((100, 40), (107, 90))
"""A feed that was restored at head 40 of epoch 100, and at head 90 of epoch 107: it is in epoch 110 now."""
NOW = 110


def told(epoch: int, seq: int, noted: tuple[tuple[int, int], ...] = NOTED) -> dict[str, Any]:
    """Return why a version is not served, and what was kept."""
    rows = [
        {"owner_id": new_id(), "epoch": each, "head": head, "restored_at": datetime.now(UTC)} for each, head in noted
    ]
    return expired(epoch * 2**40 + seq, NOW, rows).members


def members(reason: str, kept_through: int | None) -> dict[str, Any]:
    return {"reason": reason, "resync": {"since": 0, "mode": "replace", "kept_through": kept_through}}


@pytest.mark.parametrize(
    ("epoch", "noted"),
    [
        pytest.param(100, 0, id="the epoch of the first backup"),
        pytest.param(103, 0, id="an epoch that a restore lost, between the two"),
        pytest.param(107, 1, id="the epoch of the second backup"),
        pytest.param(109, 1, id="an epoch that a restore lost, after the second"),
        pytest.param(111, 1, id="an epoch to which another restore of the second backup went"),
        pytest.param(140, 1, id="one that several such restores led to"),
    ],
)
@pytest.mark.parametrize("seq", [1, 5, 2**40 - 1])
def test_a_version_of_a_lost_time_is_told_what_the_backup_had(epoch: int, noted: int, seq: int) -> None:
    kept_epoch, head = NOTED[noted]
    assert told(epoch, seq) == members("restored", kept_epoch * 2**40 + head)


@pytest.mark.parametrize("epoch", [0, 1, 99, NOW])
def test_any_other_version_is_expired(epoch: int) -> None:
    assert told(epoch, 5) == members("expired", None)


def test_a_feed_that_was_never_restored_tells_of_no_restore() -> None:
    assert {told(epoch, 5, ())["reason"] for epoch in (1, 109, NOW, 111)} == {"expired"}
