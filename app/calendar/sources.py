"""The rows from which a calendar is computed. One statement reads practices, sessions and action items.

Check-ins, assessments, practice entries, outcomes and reflections are never read for a calendar.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa

from app.clock import MIDNIGHT, instant_at
from app.db import Row, bind
from app.records import View
from app.resources.action_items import ACTION_ITEMS, ActionItemRecord
from app.resources.action_items.terms import ActionItemStatus
from app.resources.practices import PRACTICES, PracticeRecord
from app.resources.sessions import SESSIONS, SessionRecord
from app.resources.sessions.terms import SessionStatus
from app.views.parts import Part, Parts, one_of

DAYS_BEFORE: Final = 30
DAYS_AFTER: Final = 90
MAX_ROWS: Final = 200
"""The maximum number of records of each kind that are read."""
_DAY: Final = timedelta(days=1)
_SHOWN: Final = (SessionStatus.PLANNED, SessionStatus.IN_PROGRESS, SessionStatus.COMPLETED, SessionStatus.STOPPED)
_OPEN: Final = (ActionItemStatus.ACCEPTED, ActionItemStatus.IN_PROGRESS, ActionItemStatus.ON_HOLD)
_practice, _session, _item = PracticeRecord.table(), SessionRecord.table(), ActionItemRecord.table()


def _parts(*, titles: bool) -> Parts:
    """Return the parts of a calendar, with or without titles.

    Sessions and action items are decrypted only for their titles; practices always are, for their schedules.
    """
    return Parts(
        Part(
            "practices",
            _practice,
            [_practice.c.id, _practice.c.updated_at],
            [sa.or_(_practice.c.ends_on.is_(None), _practice.c.ends_on >= bind(_practice.c.ends_on, "first"))],
            document_kind=PRACTICES,
            order_by=[_practice.c.created_at.desc(), _practice.c.id.desc()],
            limit=MAX_ROWS,
        ),
        Part(
            "sessions",
            _session,
            [_session.c.id, _session.c.updated_at, _session.c.scheduled_at],
            [
                one_of(_session.c.status, _SHOWN),
                _session.c.scheduled_at >= bind(_session.c.scheduled_at, "starts_at"),
                _session.c.scheduled_at < bind(_session.c.scheduled_at, "ends_before"),
            ],
            document_kind=SESSIONS if titles else None,
            order_by=[_session.c.scheduled_at.desc(), _session.c.id.desc()],
            limit=MAX_ROWS,
        ),
        Part(
            "action_items",
            _item,
            [_item.c.id, _item.c.updated_at, _item.c.due_on],
            [
                one_of(_item.c.status, _OPEN),
                _item.c.due_on >= bind(_item.c.due_on, "first"),
                _item.c.due_on <= bind(_item.c.due_on, "last"),
            ],
            document_kind=ACTION_ITEMS if titles else None,
            order_by=[_item.c.due_on.desc(), _item.c.id.desc()],
            limit=MAX_ROWS,
        ),
    )


PARTS: Final[Mapping[bool, Parts]] = {titles: _parts(titles=titles) for titles in (False, True)}
"""The parts of a calendar, by whether the calendar shows the titles of records."""


def days_around(today: date) -> tuple[date, date]:
    """Return the first and the last day of a calendar, both included."""
    return today - DAYS_BEFORE * _DAY, today + DAYS_AFTER * _DAY


async def fetch(view: View, today: date, timezone: str, *, titles: bool) -> dict[str, list[Row]]:
    """Return the rows of all parts, by the name of the part."""
    first, last = days_around(today)
    return await PARTS[titles].fetch(
        view,
        first=first,
        last=last,
        starts_at=instant_at(first, MIDNIGHT, timezone),
        ends_before=instant_at(last + _DAY, MIDNIGHT, timezone),
    )
