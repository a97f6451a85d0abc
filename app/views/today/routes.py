"""The route of the view of today."""

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
    """The query parameters of `GET /v1/today`."""

    days: Annotated[int, BeforeValidator(bounded_integer(0, MAX_DAYS_AHEAD))] = Field(
        0, ge=0, le=MAX_DAYS_AHEAD, description="The number of days after today to return in `ahead`, 0 to 14."
    )


@router.get("/v1/today", response_model=Today, responses=view_responses(), summary="Get what is due today")
async def get_today(
    view: OwnRecords, query: Annotated[TodayQuery, Query()], if_none_match: IfNoneMatch = None
) -> Response:
    """Return what is due today, the time since your latest dosing session, and what is due on the days ahead.

    With `days=14`, `ahead` has all that an app needs to schedule two weeks of local notifications, which then appear
    even if the device is offline. The ETag changes with every change of your records and, without `as_of`, every hour.
    """
    version = await feed_version(view)
    as_of, zone, library = query.moment(), query.zone(view), view.caller.services.library
    tag = tag_of(version, query.as_of or _hour(as_of, zone), zone, query.days, library.edition)
    known = not_modified(if_none_match, tag)
    if known is not None:
        return known
    moment = Moment(as_of, query.as_of or END, zone)  # the clock of the device may be ahead of the server's
    rows = await fetch(view, moment, query.days, library)
    return view_response(today(rows, moment, query.days, view), tag)


def _hour(moment: datetime, zone: str) -> str:
    """Return the local date and hour of a moment in the time zone, with the UTC offset, such as `2026-11-22T10+0100`."""
    return moment.astimezone(ZoneInfo(zone)).isoformat(timespec="hours").replace(":", "")
