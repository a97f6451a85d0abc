"""Routes for content that the server ships: instruments, prompts and help.

They need no access token, and any cache may keep their responses.
"""

import hashlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.http import JSON, VARY, QueryModel, Response, Route
from app.json_strict import dump
from app.library import Help, Instrument, Phase, Prompt
from app.library.instruments import Language, Licence, Version
from app.openapi import problems
from app.problems import NotFound
from app.records import IfNoneMatch
from app.records.domains import Domain
from app.records.preconditions import matching_tag
from app.records.text import NO_NUL
from app.resources.elements import ElementKind
from app.services import TheServices

TAG: Final = "Library"
router = APIRouter(tags=[TAG], route_class=Route)
_CACHED: Final = (b"cache-control", b"public, max-age=86400")
_NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "The client has the current content."}}


class ListedInstrument(BaseModel, defer_build=True):
    """The newest version of an instrument, without its items."""

    code: str = Field(description="The instrument's code.", examples=["phq-9"])
    version: str = Field(description="The newest version.", examples=["1"])
    title: str = Field(description="The instrument's title.", examples=["Patient Health Questionnaire-9"])
    licence: Licence = Field(
        description="The licence of the instrument's wording.",
        examples=[{"name": "public-domain", "text_included": False}],
    )
    asks_about_days: int | None = Field(
        description="The number of past days that the questions ask about; null if they ask about no period.",
        ge=1,
        le=366,
        examples=[14],
    )
    language: str | None = Field(
        description="The language of the texts, as a BCP 47 tag; null if there are no texts.", examples=["en"]
    )


class Instruments(BaseModel, defer_build=True):
    """The instruments that an assessment can name."""

    items: list[ListedInstrument] = Field(description="The instruments, sorted by code.")


class InstrumentQuery(QueryModel):
    """The query parameters of `GET /v1/instruments/{instrument}`."""

    version: Version | None = Field(None, description="The version of the instrument. Default: the newest.")


class PromptQuery(QueryModel):
    """The query parameters of `GET /v1/prompts`."""

    language: str = Field(
        "en",
        max_length=100,
        pattern=NO_NUL,
        description="The language, as a BCP 47 tag. English prompts are returned if there are none in this language.",
    )
    phase: Phase | None = Field(None, description="Return only prompts for this phase.")
    element_kind: ElementKind | None = Field(None, description="Return only prompts about this kind of element.")
    domain: Domain | None = Field(None, description="Return only prompts about this domain of life.")


class PromptList(BaseModel, defer_build=True):
    """Prompts in one language."""

    set: Annotated[int, Field(ge=1, lt=2**31)] = Field(
        description="The version of the prompts, a number that rises when they change.", examples=[1]
    )
    language: Language = Field(description="The language of the prompts.", examples=["en"])
    items: list[Prompt] = Field(description="The prompts.")


class HelpQuery(QueryModel):
    """The query parameters of `GET /v1/help`."""

    region: str = Field(
        "",
        max_length=100,
        pattern=NO_NUL,
        description="The region, as an ISO 3166-1 alpha-2 code, such as DE. If it is absent, or if the server has no "
        "helplines for it, the helplines of `elsewhere` are returned.",
    )
    language: str = Field(
        "en",
        max_length=100,
        pattern=NO_NUL,
        description="The language, as a BCP 47 tag. An English text is returned if there is none in this language.",
    )


@router.get(
    "/v1/instruments", response_model=Instruments, responses=_NOT_MODIFIED | problems(), summary="List instruments"
)
async def list_instruments(services: TheServices, if_none_match: IfNoneMatch = None) -> Response:
    """Return the newest version of each instrument, without its items.

    Needs no access token. The response can be cached for a day.
    """
    listed = [each.model_dump(include=set(ListedInstrument.model_fields)) for each in services.library.instruments()]
    return _response(
        {"items": [{name: each[name] for name in ListedInstrument.model_fields} for each in listed]}, if_none_match
    )


@router.get(
    "/v1/instruments/{instrument}",
    response_model=Instrument,
    responses=_NOT_MODIFIED | problems(NotFound),
    summary="Get an instrument",
)
async def get_instrument(
    services: TheServices,
    instrument: str,
    query: Annotated[InstrumentQuery, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return a version of an instrument: its items, the possible answers, and the scoring rules of the server.

    The owner of an instrument holds the copyright of its wording, so each `text` is null until the operator of the
    server adds it. Each item has a `topic` and, if one exists, a LOINC code. Needs no access token. The response can be
    cached for a day.
    """
    found = services.library.instrument(instrument, query.version)
    if found is None:
        raise NotFound
    return _response(found.model_dump(by_alias=True), if_none_match)


@router.get("/v1/prompts", response_model=PromptList, responses=_NOT_MODIFIED | problems(), summary="List prompts")
async def list_prompts(
    services: TheServices, query: Annotated[PromptQuery, Query()], if_none_match: IfNoneMatch = None
) -> Response:
    """Return questions that a person may answer in a reflection.

    Needs no access token. The response can be cached for a day.
    """
    prompts = services.library.prompts(query.language)
    items = [each.model_dump() for each in prompts.select(query.phase, query.element_kind, query.domain)]
    return _response({"set": prompts.set, "language": prompts.language, "items": items}, if_none_match)


@router.get("/v1/help", response_model=Help, responses=_NOT_MODIFIED | problems(), summary="Get help")
async def get_help(
    services: TheServices, query: Annotated[HelpQuery, Query()], if_none_match: IfNoneMatch = None
) -> Response:
    """Return the text and the helplines of a region to show to a person whose answers raised a flag.

    Nobody reads answers as they come in: `monitored` is always false. Keep the response, so that the app can show it
    offline. Needs no access token. The response can be cached for a day.
    """
    return _response(services.library.help.find(query.region, query.language).model_dump(), if_none_match)


def _response(content: dict[str, Any], if_none_match: str | None) -> Response:
    """Return a response with the content, or 304 if `if_none_match` has its ETag, which is a hash of the content."""
    body = dump(content)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = matching_tag(if_none_match, tag)
    if known is not None:
        return Response(304, headers=[(b"etag", known.encode()), _CACHED, VARY])
    return Response(200, body, [JSON, (b"etag", tag.encode()), _CACHED])
