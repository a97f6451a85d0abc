"""SQL expressions for sessions that took place: those that are completed or stopped.

`ENDED_AT` is the end of a session; if no end is recorded, its start.
"""

from typing import Final

import sqlalchemy as sa

from app.resources.sessions import SessionRecord
from app.resources.sessions.terms import SessionStatus
from app.views.parts import one_of

_session = SessionRecord.table()
ENDED_AT: Final = sa.func.coalesce(_session.c.ended_at, _session.c.started_at, type_=_session.c.ended_at.type).label(
    "ended_at"
)
TOOK_PLACE: Final = one_of(_session.c.status, (SessionStatus.COMPLETED, SessionStatus.STOPPED))
