"""The chain of a record: everything that it refers to, and everything that refers to it, directly or through others.

One statement reads all references between the owner's records from indexes, without documents. The references are
followed in memory. Further statements read the records that were found.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from app import clock
from app.clock import Instant
from app.db import Row, Statement, any_of, bind, byte_length, json_rows
from app.http import QueryModel, Response, Route
from app.identity import TIMEZONE, Feed
from app.ids import Id, make_id
from app.openapi import example
from app.problems import NotFound
from app.records import IfNoneMatch, OwnRecords, Resource, View, kinds
from app.records.access import HEAD_VERSION, owned, statements
from app.records.codec import MAX_PAGE_BYTES
from app.records.tables import Change
from app.records.view import feed_of
from app.sealing import OwnerKeys
from app.sync.collections import BY_COLLECTION, Collection
from app.views import examples
from app.views.conditional import TAG, known_version, not_modified, tag_of, view_response, view_responses
from app.views.documents import collection_literal
from app.views.labels import MAX_LABEL, label_of

MAX_NODES: Final = 500
"""The maximum number of records in a chain."""
MAX_LINKS: Final = 20_000
"""The maximum number of an owner's references that are read, to bound the memory of the server."""
MAX_SMALL_BYTES: Final = 16_384
"""The maximum size of the documents that the first statement reads: for 500 records, these are at most 8 MiB."""
LARGE_AT_ONCE: Final = 8
"""The number of larger documents that each further statement reads."""
_feed, _change = Feed.table(), Change.table()
_DOCUMENT: Final = 3
"""The index of the document in a row of the statement `nodes`."""
_COLLECTION: Final = 2
"""The index of the record's collection in a row of the statement `links`."""
Key = tuple[str, UUID]
"""The collection and id of a record."""


class ChainQuery(QueryModel):
    """The query parameters of `GET /v1/chain/{id}`."""

    collection: Collection | None = Field(
        None,
        description="The record's collection. It is needed only if records of several collections have the same id.",
    )


class ChainNode(BaseModel, defer_build=True):
    """A record in a chain."""

    collection: Annotated[str, Field(json_schema_extra={"enum": [*BY_COLLECTION]})] = Field(
        description="The record's collection."
    )
    id: Id = Field(description="The record's id.")
    label: str = Field(max_length=MAX_LABEL, description="The record's title, or the beginning of its words.")
    happened_at: Instant = Field(description="When the record happened, as in the timeline.")
    status: str | None = Field(description="The record's status; null if its kind has none.")


class ChainEdge(BaseModel, defer_build=True):
    """A reference of one record in a chain to another."""

    from_: Id = Field(alias="from", description="The id of the record that refers.")
    to: Id = Field(description="The id of the record that it refers to.")
    field: str = Field(description="The field with the reference.")


class Chain(BaseModel, defer_build=True):
    """A record, the records that it refers to, and the records that refer to it, directly or through other records."""

    model_config = ConfigDict(json_schema_extra=example(examples.CHAIN))

    collection: str = Field(description="The record's collection.")
    id: Id = Field(description="The record's id.")
    nodes: list[ChainNode] = Field(
        max_length=MAX_NODES, description="The records of the chain, each after all records that it refers to."
    )
    edges: list[ChainEdge] = Field(description="All references between these records.")
    truncated: bool = Field(description="Whether the chain has more than 500 records, of which the nearest are shown.")


class ReferenceField(NamedTuple):
    """A field that refers to another record: the collection that has the field, its name, and the target collection."""

    collection: str
    field: str
    target: str


@cache
def reference_fields() -> tuple[ReferenceField, ...]:
    """Return every field that refers to another record, of all kinds of record.

    The fields of kinds to which no other kind refers are last, because an owner may have very many records of these
    kinds, and only the first `MAX_LINKS` references are read.
    """
    referred = {target for kind in kinds() for target in kind.targets.values()}
    ordered = sorted(kinds(), key=lambda kind: (kind not in referred, bool(kind.on_delete_cascade)))
    return tuple(
        ReferenceField(kind.collection, field, target.collection)
        for kind in ordered
        for field, target in kind.targets.items()
    )


@cache
def links(*, named: bool) -> Statement:
    """Return the statement that reads the feed's version, the collection of a record, and all references of the owner.

    The bind parameters are the record's id and, if the collection is `named`, the `collection`; otherwise every
    collection can have the record. The statement returns one row for each of these collections that has a record with
    this id; if none has, it returns one row whose collection is null. The references are a JSON array of arrays: the
    index of the field in `reference_fields`, the id of the record that refers, and the id of the record that it refers
    to. If the feed has the version `known`, the references are not read, and null: the client has the current response
    already.
    """
    collection = _change.c.collection
    this = sa.and_(
        _change.c.owner_id == _feed.c.owner_id,
        collection == bind(collection) if named else collection.in_([collection_literal(kind) for kind in kinds()]),
        _change.c.id == bind(_change.c.id),
        _change.c.deleted.is_(False),
    )
    found = (
        sa.union_all(*(_references(number, reference) for number, reference in enumerate(reference_fields())))
        .limit(sa.literal_column(str(MAX_LINKS), sa.Integer))
        .subquery("found")
    )
    references = sa.select(json_rows([*found.c])).select_from(found).scalar_subquery()
    is_new = sa.bindparam("known", type_=sa.BigInteger) != HEAD_VERSION
    return Statement(
        sa.select(HEAD_VERSION, TIMEZONE, collection)
        .add_columns(sa.case((is_new, references)).label("references"))
        .select_from(sa.outerjoin(_feed, _change, this))
        .where(owned(_feed))
    )


def _references(number: int, reference: ReferenceField) -> sa.Select[Any]:
    """Return the query for the owner's references in one field; `number` is its index in `reference_fields`."""
    table = BY_COLLECTION[reference.collection].table
    return sa.select(
        sa.literal_column(str(number), sa.Integer).label("reference"),
        table.c.id,
        table.c[reference.field].label("to_id"),
    ).where(owned(table), table.c[reference.field].is_not(None))


def ids_of(kind: Resource) -> str:
    """Return the name of the bind parameter with the ids of a kind's records, in the statement that `nodes` returns."""
    return f"ids_{kind.table.name}"


@cache
def nodes() -> Statement:
    """Return the statement that reads records of all kinds by their ids.

    The columns are the collection, the id, the sequence number, the sealed document and the time (`happened_at`). The
    document is null if it has more than `most_bytes`.
    """
    most_bytes = sa.bindparam("most_bytes", type_=sa.BigInteger)
    return Statement(
        sa.union_all(
            *(
                sa.select(
                    sa.literal_column(f"'{kind.collection}'", sa.String()).label("collection"),
                    *(kind.table.c[name] for name in ("id", "seq")),
                    sa.case((byte_length(kind.table.c.document) <= most_bytes, kind.table.c.document)),
                    _change.c.happened_at,
                )
                .select_from(statements(kind).with_change)
                .where(owned(kind.table), any_of(kind.table.c.id, ids_of(kind)))
                for kind in kinds()
            )
        )
    )


router = APIRouter(prefix="/v1/chain", tags=[TAG], route_class=Route)


@router.get("/{id:id}", response_model=Chain, responses=view_responses(NotFound), summary="Get the chain of a record")
async def get_chain(
    view: OwnRecords,
    id: Annotated[Id, Path(openapi_examples={"demo": {"value": examples.CHAIN["id"]}})],
    query: Annotated[ChainQuery, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return a record, the records that it refers to, and the records that refer to it, directly or through others.

    So an action item leads back to the session that it came from, and a session forward to what changed since.
    """
    parts = ("chain", str(id), query.collection)
    known = known_version(if_none_match, *parts)
    statement = links(named=query.collection is not None)
    rows = await view.db.tuples(statement, **view.binds, id=id, collection=query.collection, known=known)
    version, timezone, _, links_found = feed_of(rows)
    view.caller.confirm(timezone)
    existing = {row[_COLLECTION] for row in rows}
    collection = next((name for name in BY_COLLECTION if name in existing), None)
    if collection is None:
        raise NotFound
    tag = tag_of(version, *parts)
    if unchanged := not_modified(if_none_match, tag):
        return unchanged
    references = References(links_found or ())
    found, truncated = references.chain((collection, id))
    records = await _read(view, found)
    if (collection, id) not in records:
        raise NotFound
    edges = references.between(records)
    ordered = parents_first(records, edges)
    position = {key: number for number, key in enumerate(ordered)}
    edges.sort(key=lambda edge: (position[edge[0]], edge[2]))
    value = {
        "collection": collection,
        "id": id,
        "nodes": [records[key] for key in ordered],
        "edges": [{"from": source[1], "to": target[1], "field": field} for source, target, field in edges],
        "truncated": truncated or len(links_found or ()) >= MAX_LINKS,
    }
    return view_response(value, tag)


Edge = tuple[Key, Key, str]
"""A reference: the key of the record that refers, the key of the record that it refers to, and the field."""


class References:
    """The references between the records of an owner."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        """Index the references that the statement `links` returned."""
        self._above: defaultdict[Key, list[tuple[Key, str]]] = defaultdict(list)
        self._below: defaultdict[Key, list[Key]] = defaultdict(list)
        every = reference_fields()
        for number, id, to_id in rows:
            collection, field, target = every[number]
            source, referred = (collection, make_id(id)), (target, make_id(to_id))
            self._above[source].append((referred, field))
            self._below[referred].append(source)

    def chain(self, start: Key) -> tuple[list[Key], bool]:
        """Return the keys of the records in the chain of `start`, and whether the chain has more than `MAX_NODES`.

        First is `start`, then the records that it refers to, and then those that refer to it. In both groups, direct
        references come first.
        """
        found = {start: None}
        for following in (self._parents, self._children):
            line = [start]
            for key in line:
                for each in following(key):
                    if each in found:
                        continue
                    if len(found) == MAX_NODES:
                        return [*found], True
                    found[each] = None
                    line.append(each)
        return [*found], False

    def _parents(self, key: Key) -> list[Key]:
        return [target for target, _ in self._above.get(key, ())]

    def _children(self, key: Key) -> list[Key]:
        return self._below.get(key, [])

    def between(self, keys: Mapping[Key, object]) -> list[Edge]:
        """Return all references between the records with these keys."""
        return [
            (source, target, field)
            for source in keys
            for target, field in self._above.get(source, ())
            if target in keys
        ]


def parents_first(records: Mapping[Key, Row], edges: Iterable[Edge]) -> list[Key]:
    """Return the keys of records in an order in which a record comes after all records that it refers to.

    Of several records that can come next, the one with the earliest `happened_at` does.
    """
    left = dict.fromkeys(records, 0)
    below: defaultdict[Key, list[Key]] = defaultdict(list)
    for source, target, _ in edges:
        left[source] += 1
        below[target].append(source)
    ready = [(records[key]["happened_at"], key) for key, count in left.items() if not count]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, key = heapq.heappop(ready)
        ordered.append(key)
        for each in below[key]:
            left[each] -= 1
            if not left[each]:
                heapq.heappush(ready, (records[each]["happened_at"], each))
    return ordered


async def _read(view: View, found: Iterable[Key]) -> dict[Key, Row]:
    """Return the nodes of the records with these keys, in the same order.

    Leave out records that were removed after their keys were found. Nearly all documents are small, so the first
    statement reads all small ones. Larger documents are then read a few at a time, to bound the memory of the server.
    """
    found, keys = [*found], await view.data_keys()
    rows = await _rows(view, found, MAX_SMALL_BYTES)
    read = {(row[0], row[1]): _node(keys, row) for row in rows if row[_DOCUMENT] is not None}
    large = [(row[0], row[1]) for row in rows if row[_DOCUMENT] is None]
    for start in range(0, len(large), LARGE_AT_ONCE):
        rows = await _rows(view, large[start : start + LARGE_AT_ONCE], MAX_PAGE_BYTES)
        read |= {(row[0], row[1]): _node(keys, row) for row in rows}
    return {key: read[key] for key in found if key in read}


async def _rows(view: View, wanted: Iterable[Key], most_bytes: int) -> Sequence[tuple[Any, ...]]:
    ids: dict[str, list[UUID]] = {ids_of(kind): [] for kind in kinds()}
    for collection, id in wanted:
        ids[ids_of(BY_COLLECTION[collection])].append(id)
    return await view.db.tuples(nodes(), owner_id=view.owner_id, most_bytes=most_bytes, **ids)


def _node(keys: OwnerKeys, row: Sequence[Any]) -> Row:
    collection, id, seq, sealed, happened_at = row
    record = orjson.loads(keys.open(collection, id, seq, sealed))
    return {
        "collection": collection,
        "id": id,
        "label": label_of(BY_COLLECTION[collection], record),
        "happened_at": clock.format_instant(happened_at),
        "status": record.get("status"),
    }
