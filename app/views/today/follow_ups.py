"""The follow-ups of a session: which are open on a day, and which are done."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from app.library import FollowUpKind, FollowUpRule


class Logged(NamedTuple):
    """A record that can fulfil a follow-up: its kind, its instrument if it is an assessment, and its local day."""

    kind: FollowUpKind
    instrument: str | None
    day: date


class FollowUp(NamedTuple):
    """A follow-up of a session. Both days are included."""

    kind: FollowUpKind
    instrument: str | None
    session_id: UUID
    opens_on: date
    closes_on: date
    done: bool


def follow_ups(
    rules: Iterable[FollowUpRule],
    session_id: UUID,
    session_day: date,
    logged: Sequence[Logged],
    days: tuple[date, date],
) -> list[FollowUp]:
    """Return the follow-ups of a session that are open between two days, both included, in the order in which they open.

    Each is open until the day before the next one of its rule opens. It is done if a matching record is of one of its days.
    """
    first, last = days
    found = [
        FollowUp(
            rule.kind, rule.instrument, session_id, opens_on, closes_on, _is_done(rule, opens_on, closes_on, logged)
        )
        for rule in rules
        for opens_on, closes_on in _windows(rule, session_day)
        if opens_on <= last and closes_on >= first
    ]
    return sorted(found, key=lambda each: each.opens_on)  # stable: those of a day keep the order of the rules


def _windows(rule: FollowUpRule, session_day: date) -> Iterator[tuple[date, date]]:
    for opens, next_opens in pairwise([*rule.days, rule.days[-1] + rule.last_open_days]):
        yield session_day + timedelta(days=opens), session_day + timedelta(days=next_opens - 1)


def _is_done(rule: FollowUpRule, opens_on: date, closes_on: date, logged: Sequence[Logged]) -> bool:
    wanted = (rule.kind, rule.instrument)
    return any((each.kind, each.instrument) == wanted and opens_on <= each.day <= closes_on for each in logged)
