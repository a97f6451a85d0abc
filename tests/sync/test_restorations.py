"""Restorations: which unknown versions are from before a restore, and which are expired."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.ids import new_id
from app.records.restorations import expired

RESTORATIONS = ((100, 40), (107, 90))
"""A feed that was restored at head 40 of epoch 100, and at head 90 of epoch 107: it is in epoch 110 now."""
EPOCH = 110


def reason_of(epoch: int, seq: int, restorations: tuple[tuple[int, int], ...] = RESTORATIONS) -> dict[str, Any]:
    """Return the members of the problem for a version."""
    rows = [
        {"owner_id": new_id(), "epoch": each, "head": head, "restored_at": datetime.now(UTC)}
        for each, head in restorations
    ]
    return expired(epoch * 2**40 + seq, EPOCH, rows).members


def members(reason: str, kept_through: int | None) -> dict[str, Any]:
    return {"reason": reason, "resync": {"since": 0, "mode": "replace", "kept_through": kept_through}}


@pytest.mark.parametrize(
    ("epoch", "index"),
    [
        pytest.param(100, 0, id="the epoch of the first backup"),
        pytest.param(103, 0, id="an epoch that a restore lost, between the two"),
        pytest.param(107, 1, id="the epoch of the second backup"),
        pytest.param(109, 1, id="an epoch that a restore lost, after the second"),
        pytest.param(111, 1, id="an epoch of another restore of the second backup"),
        pytest.param(140, 1, id="an epoch after several such restores"),
    ],
)
@pytest.mark.parametrize("seq", [1, 5, 2**40 - 1])
def test_a_version_lost_by_a_restore_is_answered_with_the_last_version_of_the_backup(
    epoch: int, index: int, seq: int
) -> None:
    kept_epoch, head = RESTORATIONS[index]
    assert reason_of(epoch, seq) == members("restored", kept_epoch * 2**40 + head)


@pytest.mark.parametrize("epoch", [0, 1, 99, EPOCH])
def test_any_other_version_is_expired(epoch: int) -> None:
    assert reason_of(epoch, 5) == members("expired", None)


def test_a_feed_without_restores_answers_expired() -> None:
    assert {reason_of(epoch, 5, ())["reason"] for epoch in (1, 109, EPOCH, 111)} == {"expired"}
