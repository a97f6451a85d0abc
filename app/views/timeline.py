"""The timeline: the records of all kinds, ordered by the time that each is about (`happened_at`), newest first.

One statement reads a page from an index of the table `change`, and each document by the primary key of its record.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel

from app import clock
from app.clock import Instant
from app.db import Statement, any_of, bind
from app.http import Response, Route
from app.identity import SIGNED_IN, Feed
from app.ids import Id, make_id
from app.openapi import example
from app.problems import InvalidCursor
from app.records import IfNoneMatch, OwnRecords, Resource, View, kinds
from app.records.access import HEAD_VERSION, owned
from app.records.codec import MAX_PAGE_BYTES, page_response, record_json, seq_of
from app.records.filters import DEFAULT_LIMIT, MAX_LIMIT, bounded_integer
from app.records.positions import Cursor, Scope, decode_moment, encode_moment
from app.records.tables import Change
from app.sync.collections import Collections
from app.sync.shapes import one_for_each_kind
from app.views import examples
from app.views.conditional import TAG, feed_version, not_modified, tag_of, tagged, view_responses
from app.views.documents import BEGINNING, END, MIN_SEQ, collection_literal, document_of, with_fitting_documents
from app.views.parameters import RangeQuery

_feed, _change = Feed.table(), Change.table()
_ROWS: Final = sa.bindparam("rows", type_=sa.BigInteger)
_MOST_BYTES: Final = sa.bindparam("most_bytes", type_=sa.BigInteger)
_DOCUMENT: Final = 4
"""The index of the document in a row of a page."""
_VERSION: Final = 5
"""The index of the version of the feed's head in a row of a page."""


class TimelineQuery(RangeQuery):
    """The query parameters of `GET /v1/timeline`."""

    collections: Collections = Field(
        default_factory=list,
        description="Return records of these collections only, separated by commas; by default of all.",
    )
    session_id: Id | None = Field(None, description="Return this session and the records that refer to it only.")
    limit: Annotated[int, BeforeValidator(bounded_integer(1, MAX_LIMIT))] = Field(
        DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Maximum number of records in a page, 1 to 200."
    )
    cursor: Cursor | None = Field(None, description="Continues the timeline: the `next_cursor` of the previous page.")


class _Item(BaseModel, defer_build=True):
    """A record, and the time that it is about."""

    happened_at: Instant = Field(
        description="The time that the record is about: its own time, noon of its day in the account's time zone, or "
        "when it was created."
    )
    collection: str
    id: Id = Field(description="The record's id.")
    record: Any


@one_for_each_kind(_Item, "TimelineItem", nullable=False, record="public: The record, as a GET returns it.")
class TimelineItem(RootModel[Any], defer_build=True):
    """A record in the timeline. Its `collection` determines the type of `record`."""


class Timeline(BaseModel, defer_build=True):
    """A page of the timeline, newest first."""

    model_config = ConfigDict(json_schema_extra=example(examples.TIMELINE))

    items: list[TimelineItem] = Field(description="The records.")
    next_cursor: str | None = Field(description="Send this as `cursor` to get the next page. Null on the last page.")


@cache
def page_of(*, filtered: bool, of_session: bool, continued: bool, bounded: bool = False) -> Statement:
    """Return the statement that reads a page: the records from the time `since` on and before `before`, newest first.

    If the page is `continued`, it also has the records of the time `before` with a lower number than `before_seq`. The
    first page does without this comparison, which SQLite repeats for each row.

    If the statement is not `bounded`, a row's document is null if it has more than `most_bytes`. If the statement is
    `bounded`, a row's document is null if the documents of the newer rows have `most_bytes` or more together. Each row
    also has the version of the feed's head, from the same snapshot of the database.
    """
    before = bind(_change.c.happened_at, "before")
    position = sa.tuple_(before, bind(_change.c.seq, "before_seq"))
    order = (_change.c.happened_at.desc(), _change.c.seq.desc())
    page = (
        sa.select(_change.c.happened_at, _change.c.seq, _change.c.collection, _change.c.id)
        .where(
            owned(_change),
            SIGNED_IN,
            _change.c.happened_at >= bind(_change.c.happened_at, "since"),
            sa.tuple_(_change.c.happened_at, _change.c.seq) < position if continued else _change.c.happened_at < before,
        )
        .order_by(*order)
        .limit(_ROWS)
    )
    if filtered:
        page = page.where(any_of(_change.c.collection, "collections"))
    if of_session:
        page = page.where(sa.tuple_(_change.c.collection, _change.c.id).in_(_of_session()))
    version = sa.select(HEAD_VERSION).where(owned(_feed)).scalar_subquery()
    if not bounded:  # the documents are read in the order of the index, without a sort
        return Statement(page.add_columns(document_of(_change, _MOST_BYTES), version))
    document, sized = with_fitting_documents(page.subquery("page"), _ROWS, _MOST_BYTES)
    columns = [sized.c[name] for name in ("happened_at", "seq", "collection", "id")]
    return Statement(sa.select(*columns, document, version).order_by(sized.c.happened_at.desc(), sized.c.seq.desc()))


def _of_session() -> sa.CompoundSelect[Any]:
    """Return the query for the collection and id of a session and of the records that refer to this session."""
    referring = [(kind, kind.table.c[name]) for kind in kinds() for name in _session_fields(kind)]
    return sa.union_all(
        *(
            sa.select(collection_literal(kind), kind.table.c.id).where(
                owned(kind.table), column == bind(column, "session_id")
            )
            for kind, column in [
                *((kind, kind.table.c.id) for kind in kinds() if kind.collection == "sessions"),
                *referring,
            ]
        )
    )


def _session_fields(kind: Resource) -> Iterable[str]:
    return (name for name, target in kind.targets.items() if target.collection == "sessions")


router = APIRouter(prefix="/v1/timeline", tags=[TAG], route_class=Route)


@router.get("", response_model=Timeline, responses=view_responses(InvalidCursor), summary="Get the timeline")
async def get_timeline(
    view: OwnRecords, query: Annotated[TimelineQuery, Query()], if_none_match: IfNoneMatch = None
) -> Response:
    """Return your records of all kinds, ordered by the time that each is about, newest first.

    For a session, this is its start or, without a start, its planned start; for a reflection, when it was written; for
    an action item, when it was completed; for a record of a day, noon of the day. Without such a time, it is when the
    record was created. `from` and `to` are days in `timezone`, both included. A page with 4 MiB of records can have
    fewer records than `limit`; `next_cursor` continues after it.
    """
    query.check()
    has_days = query.from_ is not None or query.to is not None
    version = None
    if if_none_match is not None or (has_days and query.timezone is None):
        version = await feed_version(view)
    zone = query.zone(view) if has_days else ""
    asked = (zone, query.from_, query.to, *query.collections, query.session_id, query.limit, query.cursor)
    parts = tuple(None if each is None else str(each) for each in asked)
    if version is not None and (unchanged := not_modified(if_none_match, tag_of(version, *parts))):
        return unchanged
    rows = await _rows(view, query, zone)
    if rows:
        version = rows[0][_VERSION]
    elif version is None:
        version = await feed_version(view)
    items = [row for row in rows[: query.limit] if row[_DOCUMENT] is not None]
    more = len(rows) > len(items)
    key, scope = view.caller.services.cursor_key, _scope(view, query, zone)
    next_cursor = encode_moment(key, scope, items[-1][0], make_id(items[-1][1].to_bytes(16))) if more else None
    return tagged(page_response(await _texts(view, items), next_cursor), tag_of(version, *parts))


async def _rows(view: View, query: TimelineQuery, zone: str) -> Sequence[tuple[Any, ...]]:
    """Return the rows of a page and, if there are more, the first row of the next page.

    Rows that do not fit into the page have no document. Nearly all documents are small, so the first statement only
    leaves out documents that are larger than their share of a full page. If it leaves one out, a second statement reads
    the page again, and adds up the sizes.
    """
    values, count = _values(view, query, zone), query.limit + 1
    variant = {
        "filtered": bool(query.collections),
        "of_session": query.session_id is not None,
        "continued": query.cursor is not None,
    }
    statement = page_of(**variant)
    rows = await view.fetch(statement, rows=count, most_bytes=MAX_PAGE_BYTES // count, **values)
    if any(row[_DOCUMENT] is None for row in rows):
        statement = page_of(**variant, bounded=True)
        rows = await view.fetch(statement, rows=count, most_bytes=MAX_PAGE_BYTES, **values)
    return rows


def _values(view: View, query: TimelineQuery, zone: str) -> dict[str, Any]:
    """Return the values of the statement's bind parameters.

    Raise `InvalidCursor` if the cursor is not from a timeline with the same parameters.
    """
    since = BEGINNING if query.from_ is None else clock.instant_at(query.from_, clock.MIDNIGHT, zone)
    before = END if query.to is None else clock.instant_at(query.to + timedelta(1), clock.MIDNIGHT, zone)
    before_seq = MIN_SEQ
    if query.cursor is not None:
        before, id = decode_moment(view.caller.services.cursor_key, _scope(view, query, zone), query.cursor)
        before_seq = id.int
    values = {"since": since, "before": before, "before_seq": before_seq, "session_id": query.session_id}
    return values | {"collections": [*query.collections]}


def _scope(view: View, query: TimelineQuery, zone: str) -> Scope:
    bounds = (zone, query.from_, query.to, query.session_id)
    return str(view.owner_id), "timeline", *map(str, bounds), *query.collections


async def _texts(view: View, rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return the items of a page as JSON texts."""
    open_ = (await view.data_keys()).open
    zero = rows[0][_VERSION] - seq_of(rows[0][_VERSION]) if rows else 0
    times = clock.format_instants([row[0] for row in rows])
    return [
        f'{{"happened_at":"{time}","collection":"{collection}","id":"{(text := str(id))}",'
        f'"record":{record_json(text, zero + seq, open_(collection, id, seq, sealed))}}}'
        for time, (_, seq, collection, id, sealed, _) in zip(times, rows, strict=True)
    ]
