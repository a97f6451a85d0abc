"""The rows from which the view of today is computed. One statement reads nine kinds of record."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa

from app.clock import MIDNIGHT, instant_at, local_day
from app.db import Row, any_of, bind
from app.library import Library
from app.records.view import View
from app.resources.action_items import ACTION_ITEMS, ActionItemRecord
from app.resources.action_items.terms import ActionItemStatus
from app.resources.assessments import ASSESSMENTS, AssessmentRecord
from app.resources.assessments.terms import AssessmentStatus
from app.resources.check_ins import CheckInRecord
from app.resources.elements import ElementRecord, ElementStatus
from app.resources.reflections import ReflectionRecord
from app.resources.sessions import SessionRecord
from app.resources.sessions.terms import SessionKind, SessionStatus
from app.views import inbox
from app.views.parts import Part, Parts, one_of
from app.views.practice_rows import ENTRIES, newest_practices
from app.views.sessions import ENDED_AT, TOOK_PLACE

PREPARATION: Final = timedelta(hours=72)
"""How long before a planned dosing session the prompts are about preparation."""
SAFETY: Final = timedelta(days=14)
"""How long help is shown after an answer with a flag."""
ANSWERED: Final = timedelta(days=14)
"""How long a prompt is not shown again after it was answered."""
TOUCHED_DAYS: Final = 28
"""The number of days, up to today, whose reflections and practice entries count for the least touched domain."""
MAX_LISTED: Final = 200
"""The maximum number of practices, and of action items, that are read."""
_WEEK_REACH: Final = timedelta(days=6)

_session = SessionRecord.table()
_action_item, _check_in, _element = ActionItemRecord.table(), CheckInRecord.table(), ElementRecord.table()
_reflection, _assessment = ReflectionRecord.table(), AssessmentRecord.table()
_is_planned: Final = (
    _session.c.status == SessionStatus.PLANNED,
    _session.c.scheduled_at >= bind(_session.c.scheduled_at, "as_of"),
)
_by_schedule: Final = (_session.c.scheduled_at, _session.c.id)
_OPEN_ITEMS: Final = (ActionItemStatus.ACCEPTED, ActionItemStatus.IN_PROGRESS, ActionItemStatus.ON_HOLD)


def _between(column: sa.Column[datetime], since: str = "since") -> tuple[sa.ColumnElement[bool], ...]:
    return column >= bind(column, since), column <= bind(column, "until")


_PARTS: Final = Parts(
    Part(
        "window",
        _session,
        [_session.c.id, ENDED_AT],
        [_session.c.kind == SessionKind.DOSING, TOOK_PLACE, bind(_session.c.ended_at, "as_of") >= ENDED_AT],
        order_by=[ENDED_AT.desc(), _session.c.id.desc()],
        limit=1,
    ),
    Part("next", _session, [_session.c.id, _session.c.scheduled_at], _is_planned, order_by=_by_schedule, limit=1),
    Part(
        "preparation",
        _session,
        [_session.c.id],
        [
            *_is_planned,
            _session.c.kind == SessionKind.DOSING,
            _session.c.scheduled_at <= bind(_session.c.scheduled_at, "prepared_to"),
        ],
        order_by=_by_schedule,
        limit=1,
    ),
    newest_practices(MAX_LISTED),
    ENTRIES,
    Part(
        "action_items",
        _action_item,
        [_action_item.c.id, _action_item.c.due_on, _action_item.c.status],
        [one_of(_action_item.c.status, _OPEN_ITEMS), _action_item.c.due_on <= bind(_action_item.c.due_on, "day")],
        document_kind=ACTION_ITEMS,
        order_by=[_action_item.c.due_on, _action_item.c.id],
        limit=MAX_LISTED,
    ),
    Part("check_ins", _check_in, [_check_in.c.taken_at], _between(_check_in.c.taken_at)),
    Part(
        "reflections",
        _reflection,
        [_reflection.c.occurred_at, _reflection.c.prompt_id, _reflection.c.domains],
        _between(_reflection.c.occurred_at),
    ),
    Part(
        "assessments",
        _assessment,
        [_assessment.c.taken_at, _assessment.c.instrument],
        [*_between(_assessment.c.taken_at), _assessment.c.status == AssessmentStatus.COMPLETED],
    ),
    Part(
        "answers",
        _assessment,
        [_assessment.c.taken_at, _assessment.c.instrument, _assessment.c.instrument_version],
        [
            *_between(_assessment.c.taken_at, "answered_since"),
            _assessment.c.status != AssessmentStatus.ENTERED_IN_ERROR,
            any_of(_assessment.c.instrument, "instruments"),
        ],
        document_kind=ASSESSMENTS,
    ),
    Part(
        "oldest_element",
        _element,
        [_element.c.id, _element.c.kind],
        [_element.c.has_meaning.is_(False), _element.c.status != ElementStatus.SET_ASIDE],
        order_by=[_element.c.created_at, _element.c.id],
        limit=1,
    ),
    *(
        Part(name, inbox.KINDS[name].table, [sa.func.count().label("count")], conditions)
        for name, conditions in inbox.waiting_conditions().items()
    ),
)
STATEMENT: Final = _PARTS.statement


class Moment(NamedTuple):
    """The moment for which a view is computed (`as_of`), and its time zone.

    Records that happened after `until` do not count.
    """

    as_of: datetime
    until: datetime
    timezone: str


async def fetch(view: View, moment: Moment, days_ahead: int, library: Library) -> dict[str, list[Row]]:
    """Return the rows of all parts, by the name of the part."""
    day = local_day(moment.as_of, moment.timezone)
    reach = max(TOUCHED_DAYS, *(rule.longest_days for rule in library.follow_ups.follow_ups))
    return await _PARTS.fetch(
        view,
        as_of=moment.as_of,
        until=moment.until,
        prepared_to=moment.as_of + PREPARATION,
        day=day,
        entries_from=day - timedelta(days=TOUCHED_DAYS - 1),
        entries_to=day + max(_WEEK_REACH, timedelta(days=days_ahead)),
        since=instant_at(day - timedelta(days=reach), MIDNIGHT, moment.timezone),
        answered_since=moment.as_of - SAFETY,
        instruments=[each.code for each in library.instruments() if each.guards_safety],
    )
