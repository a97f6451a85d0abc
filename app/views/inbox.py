"""The inbox: the records that wait for the person's next step, in four lists.

One statement reads the count and the newest records of every list.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import orjson
import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.clock import Instant
from app.db import Row, Statement
from app.http import Response, Route
from app.identity import SIGNED_IN
from app.ids import Id
from app.openapi import example
from app.records import IfNoneMatch, OwnRecords, Resource
from app.records.access import owned
from app.resources.action_items import ACTION_ITEMS
from app.resources.action_items.terms import ActionItemStatus
from app.resources.elements import ELEMENTS, ElementStatus
from app.resources.intentions import INTENTIONS, IntentionKind, IntentionStatus
from app.resources.sessions import SESSIONS
from app.resources.sessions.terms import SessionStatus
from app.views import examples
from app.views.conditional import TAG, feed_version, not_modified, tag_of, view_response, view_responses
from app.views.labels import MAX_LABEL, label_of

MAX_ITEMS: Final = 20
"""The maximum number of records in a list. The list's count includes the records that are not shown."""
_element, _intention, _item, _session = (each.table for each in (ELEMENTS, INTENTIONS, ACTION_ITEMS, SESSIONS))
_integration: Final = _intention.alias("integration")
KINDS: Final[Mapping[str, Resource]] = {
    "elements_without_meaning": ELEMENTS,
    "meanings_without_change": ELEMENTS,
    "session_intentions_left": INTENTIONS,
    "proposals": ACTION_ITEMS,
}
"""The kind of the records in each list, by the name of the list."""


class InboxItem(BaseModel, defer_build=True):
    """A record that waits for a next step."""

    id: Id = Field(description="The record's id.")
    title: str = Field(
        max_length=MAX_LABEL, description="The record's title; without a title, the beginning of its text."
    )
    session_id: Id | None = Field(description="The id of the session that the record belongs to, or null.")
    created_at: Instant = Field(description="When the record was created.")


class InboxList(BaseModel, defer_build=True):
    """The records that wait for one kind of step."""

    count: int = Field(ge=0, lt=2**31, description="The number of records that wait.")
    items: list[InboxItem] = Field(max_length=MAX_ITEMS, description="The newest 20 of these records, newest first.")


class Inbox(BaseModel, defer_build=True):
    """The records that wait for the person's next step, in four lists."""

    model_config = ConfigDict(json_schema_extra=example(examples.INBOX))

    elements_without_meaning: InboxList = Field(description="Elements that have no meaning yet and are not set aside.")
    meanings_without_change: InboxList = Field(
        description="Elements with a meaning, not set aside, to which no intention or action item refers yet."
    )
    session_intentions_left: InboxList = Field(
        description="Active intentions of the kind `session` whose session is completed, but from which no intention "
        "of the kind `integration` is derived."
    )
    proposals: InboxList = Field(description="Action items with the status `requested`: not yet accepted or rejected.")


def _is(column: sa.ColumnElement[Any], value: str) -> sa.ColumnElement[bool]:
    return column == sa.literal_column(f"'{value}'", sa.String())


def _refers(table: sa.FromClause, field: str, to: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.Exists:
    """Return the condition that a record of `table` refers to the record of `to` by `field`, and meets `conditions`."""
    return sa.exists().where(table.c.owner_id == to.c.owner_id, table.c[field] == to.c.id, *conditions)


def waiting_conditions() -> dict[str, tuple[sa.ColumnElement[bool], ...]]:
    """Return the conditions that the records of each list meet, by the name of the list."""
    kept = _element.c.status != sa.literal_column(f"'{ElementStatus.SET_ASIDE}'", sa.String())
    changed = (_refers(table, "element_id", _element) for table in (_intention, _item))
    completed = sa.exists().where(
        _session.c.owner_id == _intention.c.owner_id,
        _session.c.id == _intention.c.session_id,
        _is(_session.c.status, SessionStatus.COMPLETED),
    )
    derived = _refers(_integration, "derived_from_id", _intention, _is(_integration.c.kind, IntentionKind.INTEGRATION))
    return {
        "elements_without_meaning": (_element.c.has_meaning.is_(False), kept),
        "meanings_without_change": (_element.c.has_meaning.is_(True), kept, *(~each for each in changed)),
        "session_intentions_left": (
            _is(_intention.c.kind, IntentionKind.SESSION),
            _is(_intention.c.status, IntentionStatus.ACTIVE),
            completed,
            ~derived,
        ),
        "proposals": (_is(_item.c.status, ActionItemStatus.REQUESTED),),
    }


def _list(name: str, table: sa.Table, conditions: tuple[sa.ColumnElement[bool], ...]) -> sa.Select[Any]:
    """Return the query for the newest records of a list. Each row has the list's name and the count of all records."""
    newest = (
        sa.select(table.c.id, table.c.seq, table.c.session_id, table.c.created_at)
        .add_columns(sa.func.count().over().label("count"))
        .where(owned(table), SIGNED_IN, *conditions)
        .order_by(table.c.created_at.desc(), table.c.id.desc())
        .limit(sa.literal_column(str(MAX_ITEMS), sa.Integer))
        .subquery(name)
    )
    document = sa.select(table.c.document).where(owned(table), table.c.id == newest.c.id).scalar_subquery()
    return sa.select(sa.literal_column(f"'{name}'", sa.String()).label("name"), *newest.c, document.label("document"))


@cache
def waiting() -> Statement:
    """Return the statement that reads the newest records of all lists. The rows are in no particular order."""
    return Statement(
        sa.union_all(*(_list(name, KINDS[name].table, conditions) for name, conditions in waiting_conditions().items()))
    )


router = APIRouter(prefix="/v1/inbox", tags=[TAG], route_class=Route)


@router.get("", response_model=Inbox, responses=view_responses(), summary="Get the inbox")
async def get_inbox(view: OwnRecords, if_none_match: IfNoneMatch = None) -> Response:
    """Return the records that wait for your next step, in four lists: the count and the newest 20 of each."""
    tag = tag_of(await feed_version(view))
    if unchanged := not_modified(if_none_match, tag):
        return unchanged
    lists: dict[str, Row] = {name: {"count": 0, "items": []} for name in KINDS}
    keys = await view.data_keys()
    for name, id, seq, session_id, created_at, count, sealed in await view.fetch(waiting()):
        record = orjson.loads(keys.open(KINDS[name].collection, id, seq, sealed))
        title = label_of(KINDS[name], record)
        lists[name]["count"] = count
        lists[name]["items"].append({"id": id, "title": title, "session_id": session_id, "created_at": created_at})
    for each in lists.values():
        each["items"].sort(key=lambda item: (item["created_at"], item["id"]), reverse=True)
    return view_response(lists, tag)
