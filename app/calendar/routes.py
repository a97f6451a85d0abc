"""The routes of calendar links, and of the calendars that calendar apps request with them."""

import asyncio
from datetime import date
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Path
from starlette import responses
from starlette.convertors import Convertor, register_url_convertor

from app import clock
from app.calendar import examples, links, sources
from app.calendar.entries import entries_of
from app.calendar.shapes import CalendarLink, CalendarLinkDraft, CalendarLinkList, CalendarLinkWithUrl
from app.calendar.text import render
from app.clinics.endpoints import TheEndpoints
from app.db import Row
from app.http import Response, Route, SecretRoute, json_response
from app.identity import Call, Caller, audit
from app.identity.audit import Event
from app.identity.buckets import of_calendar
from app.identity.networks import Network
from app.identity.throttles import count_request
from app.ids import Id
from app.openapi import problems
from app.problems import NotFound, TooManyAttempts, TooManyLinks, UnreadableRecord
from app.records import IfNoneMatch
from app.records.codec import version_of
from app.records.view import own_records
from app.services import Services, TheServices
from app.settings import Settings
from app.urls import public_url
from app.views.conditional import not_modified, tag_of, tagged

TAG: Final = "Calendar"
_FILE: Final = r"[A-Za-z0-9_-]{43}\.ics"
_SUFFIX: Final = ".ics"
_CACHED: Final = (b"cache-control", b"private, max-age=3600")
router = APIRouter(tags=[TAG], prefix="/v1", route_class=SecretRoute)
calendars = APIRouter(tags=[TAG], prefix="/v1", route_class=Route)


class FileConvertor(Convertor[str]):
    """The convertor of the last segment of a calendar's URL: the secret of a link, and `.ics`.

    A path with any other text there gets 404.
    """

    regex = _FILE

    def convert(self, value: str) -> str:
        """Return the secret, without `.ics`."""
        return value.removesuffix(_SUFFIX)


register_url_convertor("calendar", FileConvertor())


@router.post(
    "/calendar-links",
    status_code=201,
    response_model=CalendarLinkWithUrl,
    responses=problems(TooManyLinks, UnreadableRecord, signed_in=True, body=True),
    summary="Create a calendar link",
)
async def create_calendar_link(
    call: Call, network: Network, endpoints: TheEndpoints, draft: CalendarLinkDraft
) -> Response:
    """Create a secret URL with which a calendar app can subscribe to your calendar without signing in.

    Only this response contains the URL. Show the URL to the person, or open it with the scheme `webcal`. An account can
    have five links. Use a link for each calendar app, so that each can be deleted without the others.
    """
    link, secret = await links.create_link(call, draft)
    audit.record(call.services, Event.CALENDAR_LINK_CREATED, call.account_id, network, link_id=link["id"])
    shown = link | {"url": endpoints.of(f"/v1/calendar/{secret}{_SUFFIX}")}
    location = public_url(f"/v1/calendar-links/{link['id']}")
    return json_response(
        {name: shown[name] for name in CalendarLinkWithUrl.model_fields}, 201, [(b"location", location.encode())]
    )


@router.get(
    "/calendar-links",
    response_model=CalendarLinkList,
    responses=problems(UnreadableRecord, signed_in=True),
    summary="List calendar links",
)
async def list_calendar_links(call: Call) -> Response:
    """Return the calendar links of the account, newest first, without their URLs."""
    found = await links.links_of(call.services, call.account_id)
    return json_response({"items": [{name: link[name] for name in CalendarLink.model_fields} for link in found]})


@router.delete(
    "/calendar-links/{id:id}",
    status_code=204,
    responses=problems(NotFound, signed_in=True),
    summary="Delete a calendar link",
)
async def remove_calendar_link(call: Call, network: Network, id: Id) -> Response:
    """Delete a calendar link. From then on, requests to its URL get 404. No `If-Match` is needed.

    A calendar app can keep the events that it has stored until it requests the calendar again, or until the person
    removes the subscription. A second deletion of a link gets 404.
    """
    if not await links.delete_link(call, id):
        raise NotFound
    audit.record(call.services, Event.CALENDAR_LINK_ENDED, call.account_id, network, link_id=id)
    return Response(204)


class ICalendar(responses.Response):
    """A response class that only documents the media type of a calendar in the OpenAPI document."""

    media_type = "text/calendar"


_CONTENT_TYPE: Final = (b"content-type", b"text/calendar; charset=utf-8")


@calendars.get(
    "/calendar/{file:calendar}",
    response_class=ICalendar,
    responses={
        200: {
            "description": "The calendar (RFC 5545).",
            "content": {ICalendar.media_type: {"example": examples.CALENDAR}},
            "headers": {
                "ETag": {
                    "description": "A weak tag of the calendar, for `If-None-Match`.",
                    "schema": {"type": "string"},
                }
            },
        },
        304: {"description": "The client has the current calendar."},
        **problems(NotFound, TooManyAttempts, UnreadableRecord),
    },
    summary="Get a calendar",
)
async def get_calendar(
    services: TheServices,
    file: Annotated[
        str,
        Path(
            pattern=f"^{_FILE}$",
            description="The secret of a calendar link, and `.ics`.",
            openapi_examples={"demo": {"value": examples.FILE}},
        ),
    ],
    if_none_match: IfNoneMatch = None,
) -> Response:
    r"""Return the calendar of a link as iCalendar, from 30 days ago to 90 days ahead. Needs no access token.

    The calendar contains practices on the days on which a rule makes them due, sessions with a planned time, and open
    action items with a due date. Each event has a start in UTC, or is an all-day event. The calendar never contains
    check-ins, questionnaires, practice entries or reflections. The response is 404 if the link does not exist or its
    account is closed. A calendar can be requested 60 times an hour.
    """
    link = await links.find_link(services.db, file)
    if link is None:
        raise NotFound
    await count_request(services, of_calendar(services, link["id"]))
    await links.store_last_use(services.db, link["id"])
    today = clock.local_day(clock.now(), link["timezone"])
    host = _host(services.settings)
    version = version_of(link["epoch"], link["head"])
    tag = tag_of(version, "calendar", str(link["id"]), link["titles"], link["timezone"], today, host)
    response = not_modified(if_none_match, tag)
    if response is None:
        body = await _calendar(services, link, today, host)
        response = tagged(Response(200, body, [_CONTENT_TYPE]), tag)
    response.headers.append(_CACHED)
    return response


async def _calendar(services: Services, link: Row, today: date, host: str) -> bytes:
    """Return the text of a link's calendar."""
    owner, timezone, titles = link["account_id"], link["timezone"], link["titles"]
    caller = Caller(services, owner, owner, timezone=timezone, is_authenticated=True, is_internal=True)
    rows = await sources.fetch(own_records(caller), today, timezone, titles=titles)
    return await asyncio.to_thread(render, entries_of(rows, today, timezone, titles=titles), host)


def _host(settings: Settings) -> str:
    """Return the host of the issuer's URL. The ids of events end with this host."""
    return urlsplit(settings.issuer).hostname or ""
