"""The routes of progress."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field
from starlette import responses

from app.clock import MIDNIGHT, instant_at, local_day
from app.http import Response, Route
from app.problems import NotFound
from app.records import IfNoneMatch, OwnRecords, View
from app.records.text import NO_NUL
from app.views.conditional import TAG, feed_version, not_modified, tag_of, tagged, view_response, view_responses
from app.views.parameters import MomentQuery, RangeQuery, check_range
from app.views.progress.assembly import progress
from app.views.progress.charts import chart_of
from app.views.progress.shapes import Progress
from app.views.progress.sources import Range, fetch
from app.views.progress.svg import HEIGHT, WIDTH, render

DEFAULT_DAYS: Final = 90
router = APIRouter(prefix="/v1/progress", tags=[TAG], route_class=Route)
_DAY: Final = timedelta(days=1)
_INSTANT: Final = timedelta(microseconds=1)
_SVG_HEADERS: Final = [
    (b"content-type", b"image/svg+xml"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
]


class ProgressQuery(RangeQuery, MomentQuery):
    """The query parameters of `GET /v1/progress`."""

    def range_in(self, view: View) -> Range:
        """Return the range of days that the parameters describe, by default the last 90 days.

        Raise `Invalid` if the range is not valid.
        """
        timezone = self.zone(view)
        today = local_day(self.moment(), timezone)
        to = self.to or today
        from_ = self.from_ or to - (DEFAULT_DAYS - 1) * _DAY
        check_range(from_, to)
        end = instant_at(to + _DAY, MIDNIGHT, timezone)
        return Range(from_, to, today, timezone, end if self.as_of is None else min(end, self.as_of + _INSTANT))


class ChartQuery(ProgressQuery):
    """The query parameters of `GET /v1/progress/chart.svg`."""

    measure: str = Field(
        "phq-9",
        min_length=1,
        max_length=100,
        pattern=NO_NUL,
        description="What to show: the code of an instrument (`phq-9`, the default), `check-in:` and the name of a value "
        "(`check-in:mood`), or `practice:` and the id of a practice.",
        json_schema_extra={"example": "phq-9"},
    )


class Svg(responses.Response):
    """A response class that only documents the media type of a chart in the OpenAPI document."""

    media_type = "image/svg+xml"


_EXAMPLE: Final = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" role="img">'
    "<title>Patient Health Questionnaire-9: total</title></svg>"
)
_CHART_RESPONSES: Final = view_responses(NotFound)
_CHART_RESPONSES[200] |= {
    "description": "The chart. The example is shortened to its title.",
    "content": {Svg.media_type: {"example": _EXAMPLE}},
}


@router.get("", response_model=Progress, responses=view_responses(), summary="Get your progress")
async def get_progress(
    view: OwnRecords, query: Annotated[ProgressQuery, Query()], if_none_match: IfNoneMatch = None
) -> Response:
    """Return what you have done in a range of days, and how your scores have changed. The default is the last 90 days.

    A week that was not kept has the state `not-kept`. An app should not call it missed or failed.
    """
    version = await feed_version(view)
    range_, library = query.range_in(view), view.caller.services.library
    tag = tag_of(version, range_, library.edition)
    known = not_modified(if_none_match, tag)
    if known is not None:
        return known
    return view_response(progress(await fetch(view, range_), range_, library), tag)


@router.get(
    "/chart.svg",
    response_class=Svg,
    responses=_CHART_RESPONSES,
    summary="Get a chart",
)
async def get_chart(
    view: OwnRecords, query: Annotated[ChartQuery, Query()], if_none_match: IfNoneMatch = None
) -> Response:
    """Return a chart of one measure as SVG, for screens, paper and screen readers. It shows the bands of an instrument,
    such as `moderate`, and the dosing sessions.

    The image contains no script and no reference to another file. The response is 404 if you have no practice with the
    given id.
    """
    version = await feed_version(view)
    range_, library = query.range_in(view), view.caller.services.library
    draw = chart_of(query.measure, library)
    tag = tag_of(version, range_, query.measure, library.edition)
    known = not_modified(if_none_match, tag)
    if known is not None:
        return known
    chart = draw(await fetch(view, range_), range_)
    return tagged(Response(200, render(chart).encode(), _SVG_HEADERS), tag)
