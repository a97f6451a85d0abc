"""Search in the person's own words, which are stored encrypted: each request decrypts and searches some of the records.

There is no index of words, because an index would store the words unencrypted. A search is a POST request, so that the
words that a person searches for are in no URL, and therefore in no log.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.clock import Instant
from app.db import Row, Statement, any_of, bind
from app.http import Response, Route, json_response
from app.identity import SIGNED_IN, Feed
from app.ids import Id, make_id
from app.openapi import example, problems
from app.problems import InvalidCursor, TooManySearches
from app.records import OwnRecords, Resource, View
from app.records.access import owned
from app.records.codec import version_of
from app.records.positions import Scope, decode_moment, encode_moment
from app.records.shapes import Version
from app.records.tables import Change
from app.records.text import NO_NUL
from app.services import Services
from app.sync.collections import BY_COLLECTION, Collection
from app.views import examples
from app.views.conditional import TAG
from app.views.documents import END, MIN_SEQ, with_fitting_documents
from app.views.matching import MAX_SNIPPET, Terms

MAX_RECORDS: Final = 1_000
MAX_BYTES: Final = 2 * 2**20
"""A request searches at most `MAX_RECORDS` records, and stops earlier after `MAX_BYTES` of sealed documents."""
MAX_MATCHES: Final = 50
DEFAULT_MATCHES: Final = 20
MAX_QUERY: Final = 100
_feed, _change = Feed.table(), Change.table()


def _check_terms(value: str) -> str:
    if not value.split():
        message = "Send at least one word, or a part of one."
        raise PydanticCustomError("term_required", message)
    return value


class SearchQuery(BaseModel):
    """The body of a search."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(examples.SEARCH))

    q: Annotated[str, Field(min_length=2, max_length=MAX_QUERY, pattern=NO_NUL), AfterValidator(_check_terms)] = Field(
        description="Words or parts of words, separated by blanks. A record matches if it contains all of them."
    )
    collections: Annotated[list[Collection], Field(max_length=50)] = Field(
        default_factory=list, description="Search in these collections only; by default in all."
    )
    limit: Annotated[int, Field(strict=True, ge=1, le=MAX_MATCHES)] = Field(
        DEFAULT_MATCHES, description="Maximum number of matches in a page, 1 to 50."
    )
    cursor: str | None = Field(
        None,
        max_length=400,
        pattern=NO_NUL,
        description="The `next_cursor` of the previous page, to continue the search.",
    )


class SearchMatch(BaseModel, defer_build=True):
    """A record that contains all words of the search."""

    collection: Annotated[str, Field(json_schema_extra={"enum": [*BY_COLLECTION]})] = Field(
        description="The record's collection."
    )
    id: Id = Field(description="The record's id.")
    version: Version = Field(description="The record's version.")
    field: str = Field(description="The field that contains the most words of the search.")
    snippet: str = Field(
        max_length=MAX_SNIPPET + 2,
        description="The part of the field around the first match. An ellipsis marks where the text was cut.",
    )
    happened_at: Instant = Field(description="When the record happened, as in the timeline.")


class SearchMatches(BaseModel, defer_build=True):
    """A page of matches, newest first."""

    model_config = ConfigDict(json_schema_extra=example(examples.MATCHES))

    items: list[SearchMatch] = Field(description="The matches. A page can be empty although more pages follow.")
    next_cursor: str | None = Field(description="Send this as `cursor` to get the next page; null on the last page.")
    scanned: int = Field(ge=0, le=MAX_RECORDS, description="The number of records that were searched for this page.")


@cache
def candidates(*, filtered: bool) -> Statement:
    """Return the statement that reads the records to search, newest first, and only those older than a position.

    With `filtered`, it reads only records of `collections`. A row's document is null if the documents of the rows
    before it have `most_bytes` or more in total. Each row also has the feed's epoch.
    """
    position = sa.tuple_(bind(_change.c.happened_at, "before"), bind(_change.c.seq, "before_seq"))
    rows = sa.bindparam("rows", type_=sa.BigInteger)
    page = (
        sa.select(_change.c.happened_at, _change.c.seq, _change.c.collection, _change.c.id)
        .where(owned(_change), SIGNED_IN, sa.tuple_(_change.c.happened_at, _change.c.seq) < position)
        .order_by(_change.c.happened_at.desc(), _change.c.seq.desc())
        .limit(rows)
    )
    if filtered:
        page = page.where(any_of(_change.c.collection, "collections"))
    most_bytes = sa.bindparam("most_bytes", type_=sa.BigInteger)
    document, sized = with_fitting_documents(page.subquery("page"), rows, most_bytes)
    columns = [sized.c[name] for name in ("happened_at", "seq", "collection", "id")]
    epoch = sa.select(_feed.c.epoch).where(owned(_feed)).scalar_subquery()
    order = (sized.c.happened_at.desc(), sized.c.seq.desc())
    return Statement(sa.select(*columns, document, epoch).order_by(*order))


router = APIRouter(prefix="/v1/search", tags=[TAG], route_class=Route)


@router.post(
    "",
    response_model=SearchMatches,
    responses=problems(InvalidCursor, TooManySearches, signed_in=True, body=True),
    summary="Search your records",
)
async def search_records(view: OwnRecords, query: SearchQuery) -> Response:
    """Return the records that contain all words of `q`, newest first. Case is ignored.

    A part of a word matches, too: `wist` finds *wisteria*. Records are stored encrypted, so each request decrypts and
    searches at most 1 000 records, or about 2 MiB of them. A page can therefore have a `next_cursor`, but no matches.
    An account can have one search at a time.
    """
    with _one_search(view.caller.services, view.owner_id):
        return json_response(await search(view, query))


@contextmanager
def _one_search(services: Services, owner_id: UUID) -> Iterator[None]:
    if owner_id in services.searching:
        raise TooManySearches
    services.searching.add(owner_id)
    try:
        yield
    finally:
        services.searching.discard(owner_id)


async def search(view: View, query: SearchQuery) -> Row:
    """Return a page of matches. Raise `InvalidCursor` if the cursor is not from an earlier page of the same search."""
    key, scope = view.caller.services.cursor_key, _scope(view, query)
    before, before_seq = END, MIN_SEQ
    if query.cursor is not None:
        before, id = decode_moment(key, scope, query.cursor)
        before_seq = id.int
    rows = await view.fetch(
        candidates(filtered=bool(query.collections)),
        before=before,
        before_seq=before_seq,
        rows=MAX_RECORDS + 1,
        most_bytes=MAX_BYTES,
        collections=query.collections,
    )
    keys, terms = await view.data_keys(), Terms(query.q)
    items: list[Row] = []
    scanned = 0
    for happened_at, seq, collection, id, sealed, epoch in rows[:MAX_RECORDS]:
        if sealed is None or len(items) == query.limit:
            break
        scanned += 1
        document = keys.open(collection, id, seq, sealed)
        if not terms.may_occur(document):
            continue
        if match := terms.match(words_of(BY_COLLECTION[collection], orjson.loads(document))):
            name, snippet = match
            record = {"collection": collection, "id": id, "version": version_of(epoch, seq)}
            items.append(record | {"field": name, "snippet": snippet, "happened_at": happened_at})
    more = scanned < len(rows)
    last = rows[scanned - 1] if more else None
    next_cursor = None if last is None else encode_moment(key, scope, last[0], make_id(last[1].to_bytes(16)))
    return {"items": items, "next_cursor": next_cursor, "scanned": scanned}


def _scope(view: View, query: SearchQuery) -> Scope:
    return str(view.owner_id), "search", query.q, *sorted(set(query.collections))


def words_of(resource: Resource, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each field with the person's own words.

    The text of a field that is a list of strings is the strings joined by line breaks.
    """
    for name in resource.word_names:
        value = record[name]
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, list):
            yield name, "\n".join(each for each in value if isinstance(each, str))
