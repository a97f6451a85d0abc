"""The rows from which progress is computed. One statement reads nine kinds of record."""

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa

from app.clock import MIDNIGHT, instant_at
from app.db import Row, bind
from app.records.access import owned
from app.records.view import View
from app.resources.action_items import ActionItemRecord
from app.resources.action_items.terms import ActionItemStatus
from app.resources.assessments import ASSESSMENTS, AssessmentRecord
from app.resources.assessments.terms import AssessmentStatus
from app.resources.check_ins import CheckInRecord
from app.resources.intentions import INTENTIONS, IntentionRecord, IntentionStatus
from app.resources.outcomes import OutcomeRecord
from app.resources.reflections import ReflectionRecord
from app.resources.sessions import SessionRecord
from app.views.parts import Part, Parts, one_of
from app.views.practice_rows import ENTRIES, newest_practices
from app.views.progress.check_ins import VALUES
from app.views.sessions import ENDED_AT, TOOK_PLACE

MAX_LISTED: Final = 1_000
"""The maximum number of practices, and of assessments, that are read. The newest are read."""
REACH: Final = timedelta(weeks=261)
"""How far back from today practice entries are read, to compute the runs of kept weeks."""
WEEK: Final = timedelta(weeks=1)
OPEN: Final = (
    ActionItemStatus.DRAFT,
    ActionItemStatus.REQUESTED,
    ActionItemStatus.ACCEPTED,
    ActionItemStatus.IN_PROGRESS,
    ActionItemStatus.ON_HOLD,
)
ENDED: Final = (ActionItemStatus.REJECTED, ActionItemStatus.FAILED, ActionItemStatus.CANCELLED)

_session, _assessment, _check_in = SessionRecord.table(), AssessmentRecord.table(), CheckInRecord.table()
_action_item = ActionItemRecord.table()
_reflection, _intention, _outcome = ReflectionRecord.table(), IntentionRecord.table(), OutcomeRecord.table()


class Range(NamedTuple):
    """A range of days in a time zone. Both bounds are included.

    `today` is the local day of the moment for which the view is computed. Only records before `ends_before` count: this
    is the end of the range or, if the client sent an earlier `as_of`, the instant after `as_of`.
    """

    from_on: date
    to_on: date
    today: date
    timezone: str
    ends_before: datetime

    @property
    def starts_at(self) -> datetime:
        """The first instant of the range."""
        return instant_at(self.from_on, MIDNIGHT, self.timezone)


def _from(column: sa.Column[datetime]) -> sa.ColumnElement[bool]:
    return column >= bind(column, "starts_at")


def _before(column: sa.ColumnElement[datetime]) -> sa.ColumnElement[bool]:
    return column < sa.bindparam("ends_before", type_=column.type)


_is_level: Final = (
    _outcome.c.level.is_not(None),
    _outcome.c.intention_id.is_not(None),
    _outcome.c.day <= bind(_outcome.c.day, "to_on"),
)
_has_level: Final = _intention.c.id.in_(sa.select(_outcome.c.intention_id).where(owned(_outcome), *_is_level))
_is_not_cancelled: Final = _intention.c.status != IntentionStatus.CANCELLED
_status: Final = _action_item.c.status
_PARTS: Final = Parts(
    Part("sessions", _session, [_session.c.id, _session.c.kind, ENDED_AT], [TOOK_PLACE, _before(ENDED_AT)]),
    Part(
        "assessments",
        _assessment,
        [_assessment.c[name] for name in ("id", "instrument", "instrument_version", "taken_at", "timepoint")],
        [_assessment.c.status == AssessmentStatus.COMPLETED, _before(_assessment.c.taken_at)],
        document_kind=ASSESSMENTS,
        order_by=[_assessment.c.taken_at.desc(), _assessment.c.id.desc()],
        limit=MAX_LISTED,
    ),
    Part(
        "check_ins",
        _check_in,
        [_check_in.c.id, _check_in.c.taken_at, *(_check_in.c[name] for name in VALUES)],
        [_from(_check_in.c.taken_at), _before(_check_in.c.taken_at)],
    ),
    newest_practices(MAX_LISTED),
    ENTRIES,
    Part(
        "action_items",
        _action_item,
        [_action_item.c.change, _status],
        [
            _before(_action_item.c.created_at),
            sa.or_(
                one_of(_status, OPEN),
                sa.and_(
                    _status == ActionItemStatus.COMPLETED,
                    _from(_action_item.c.completed_at),
                    _before(_action_item.c.completed_at),
                ),
                sa.and_(one_of(_status, ENDED), _from(_action_item.c.updated_at)),
            ),
        ],
    ),
    Part(
        "reflections",
        _reflection,
        [_reflection.c.domains],
        [_from(_reflection.c.occurred_at), _before(_reflection.c.occurred_at)],
    ),
    Part(
        "intentions",
        _intention,
        [_intention.c.domain],
        [_is_not_cancelled, _intention.c.domain.is_not(None), _before(_intention.c.created_at)],
    ),
    Part(
        "goals",
        _intention,
        [_intention.c.id, _intention.c.weight, _intention.c.baseline],
        [_is_not_cancelled, _has_level],
        document_kind=INTENTIONS,
    ),
    Part(
        "levels",
        _outcome,
        [_outcome.c.intention_id, _outcome.c.day, _outcome.c.level, _outcome.c.created_at, _outcome.c.id],
        _is_level,
    ),
)
STATEMENT: Final = _PARTS.statement


async def fetch(view: View, range_: Range) -> dict[str, list[Row]]:
    """Return the rows of all parts, by the name of the part."""
    return await _PARTS.fetch(
        view,
        starts_at=range_.starts_at,
        ends_before=range_.ends_before,
        to_on=range_.to_on,
        entries_from=min(range_.from_on - WEEK, range_.today - REACH),
        entries_to=max(range_.to_on, range_.today) + WEEK,
    )
