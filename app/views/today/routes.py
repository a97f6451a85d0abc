"""The route of today."""

from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field

from app.http import Response, Route
from app.records import IfNoneMatch, OwnRecords
from app.records.filters import bounded_integer
from app.views.conditional import TAG, feed_version, not_modified, tag_of, view_response, view_responses
from app.views.documents import END
from app.views.parameters import MomentQuery
from app.views.today.assembly import today
from app.views.today.shapes import Today
from app.views.today.sources import Moment, fetch

MAX_DAYS_AHEAD: Final = 14
router = APIRouter(tags=[TAG], route_class=Route)


class TodayQuery(MomentQuery):
    """The query of today."""

    days: Annotated[int, BeforeValidator(bounded_integer(0, MAX_DAYS_AHEAD))] = Field(
        0, ge=0, le=MAX_DAYS_AHEAD, description="How many days to look ahead, 0 to 14."
    )


@router.get("/v1/today", response_model=Today, responses=view_responses(), summary="Get what is due today")
async def get_today(
    view: OwnRecords, query: Annotated[TodayQuery, Query()], if_none_match: IfNoneMatch = None
) -> Response:
    """Return what is due on your day, where you are after the latest dosing session, and what comes next.

    With `days=14`, `ahead` has what an app needs for the local notifications of two weeks: it works offline then. Without
    `as_of`, the ETag changes at every hour, and with every change of your records.
    """
    version = await feed_version(view)
    as_of, zone, library = query.moment(), query.zone(view), view.caller.services.library
    tag = tag_of(version, query.as_of or _hour(as_of, zone), zone, query.days, library.edition)
    known = not_modified(if_none_match, tag)
    if known is not None:
        return known
    moment = Moment(as_of, query.as_of or END, zone)  # a device's clock may be ahead of ours
    rows = await fetch(view, moment, query.days, library)
    return view_response(today(rows, moment, query.days, view), tag)


def _hour(moment: datetime, zone: str) -> str:
    """Return the hour that clocks in the time zone show, with the offset."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H%z")
