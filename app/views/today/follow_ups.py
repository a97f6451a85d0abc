"""The follow-ups of a dosing session: records that the person should create in certain periods after the session."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from app.library import FollowUpKind, FollowUpRule


class Logged(NamedTuple):
    """A check-in, a reflection or an assessment: its kind, its instrument if it has one, and its local day."""

    kind: FollowUpKind
    instrument: str | None
    day: date


class FollowUp(NamedTuple):
    """A record that the person should create after a session, from `opens_on` to `closes_on`, both included."""

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
    """Return the follow-ups of a session that are open in a range of days, ordered by the day on which they open.

    A follow-up is a record that the person should create, such as an assessment with the `instrument` of its rule.
    `days` are the first and the last day of the range, both included. A rule has several follow-ups: each is open until
    the day before the next one opens, and the last one is open for `last_open_days`. A follow-up is done if a record in
    `logged` has the same kind and instrument, and is of a day on which the follow-up is open.
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
    return sorted(found, key=lambda each: each.opens_on)  # stable: on the same day, they keep the order of the rules


def _windows(rule: FollowUpRule, session_day: date) -> Iterator[tuple[date, date]]:
    for opens, next_opens in pairwise([*rule.days, rule.days[-1] + rule.last_open_days]):
        yield session_day + timedelta(days=opens), session_day + timedelta(days=next_opens - 1)


def _is_done(rule: FollowUpRule, opens_on: date, closes_on: date, logged: Sequence[Logged]) -> bool:
    wanted = (rule.kind, rule.instrument)
    return any((each.kind, each.instrument) == wanted and opens_on <= each.day <= closes_on for each in logged)
