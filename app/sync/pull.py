"""A pull: what changed above a number of the owner's feed, one page of it from one snapshot."""

import time
from collections.abc import Sequence
from operator import itemgetter
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app import json_strict
from app.db import Row
from app.http import JSON, ClientConnection, Response
from app.problems import NotSignedIn
from app.records import access
from app.records.codec import EPOCH_SHIFT, version_of
from app.records.filters import whole_number
from app.records.restorations import expired
from app.records.view import View
from app.sync.collections import BY_COLLECTION, DEFAULT_CHANGES, MAX_CHANGES, MAX_OPS, MAX_PUSH_BYTES, Collections
from app.sync.cursors import Since, place_of
from app.sync.waiting import waiting

MAX_WAIT_SECONDS: Final = 30
_SEQ: Final = 2
_EPOCH: Final = 4
"""Where a row has its number, and, if it is the feed's, its epoch."""
PAGE_BYTES: Final = 4 * 2**20
"""A page ends, whatever its limit, with the record that reaches so many bytes: neither phone nor server holds more."""


class PullQuery(BaseModel):
    """What a device asks for."""

    model_config = ConfigDict(extra="forbid")

    since: Since = Field("0", description="The `cursor` of the page before; 0, the default, begins at the beginning.")
    limit: Annotated[int, BeforeValidator(whole_number(1, MAX_CHANGES))] = Field(
        DEFAULT_CHANGES, ge=1, le=MAX_CHANGES, description="Most changes of one page, 1 to 1000."
    )
    collections: Collections = Field((), description="Only these collections, separated by commas; empty means all.")
    wait: Annotated[int, BeforeValidator(whole_number(0, MAX_WAIT_SECONDS))] = Field(
        0, ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for a change where there is none yet, 0 to 30."
    )


class Page(NamedTuple):
    """Changes, each as its JSON text, and where the next page begins."""

    changes: list[bytes]
    cursor: int | str
    has_more: bool

    def answer(self) -> Response:
        """Answer with the page."""
        texts = [*self.changes] or [b""]
        texts[0] = b'{"changes":[' + texts[0]
        texts[-1] += b'],"cursor":%b,"has_more":%b}' % (json_strict.dump(self.cursor), json_strict.dump(self.has_more))
        return Response(200, b",".join(texts), [JSON])


async def awaited(view: View, query: PullQuery, reader: ClientConnection) -> Page:
    """Return a page of changes as soon as there are any; an empty one once the time is out or the waiting has to end."""
    page = await pull(view, query)
    if page.changes or not query.wait:
        return page
    until = time.monotonic() + query.wait
    async with waiting(view, reader) as waiter:
        page = await pull(view, query)
        while not page.changes and (left := until - time.monotonic()) > 0 and await waiter.rest(left):
            if not await view.caller.is_signed_in():
                raise NotSignedIn
            page = await pull(view, query)
    return page


async def pull(view: View, query: PullQuery) -> Page:
    """Return a page of changes; raise `CursorExpired` where it would not be the whole truth."""
    place = place_of(query.since, query.collections)
    given: dict[str, Any] = {**view.binds}
    given |= {"after": place.version % EPOCH_SHIFT, "rows": query.limit + 1, "most_bytes": PAGE_BYTES}
    if query.collections:
        rows = await view.db.tuples(access.CHANGES_OF_SOME, collections=[*query.collections], **given)
    else:
        rows = await view.db.tuples(access.CHANGES, **given)
    _, _, head, _, epoch, floor, timezone = next(row for row in rows if row[_EPOCH] is not None)
    view.caller.confirm(timezone)
    if not place.is_served(epoch, head, floor):
        raise expired(place.version, epoch, await view.db.all(access.RESTORATIONS, owner_id=view.owner_id))
    ordered = sorted([row for row in rows if row[_EPOCH] is None], key=itemgetter(_SEQ))
    found = _changes(ordered[: query.limit], version_of(epoch, 0))
    if len(ordered) > len(found):
        return Page(found, place.continued(version_of(epoch, ordered[len(found) - 1][_SEQ]), floor), has_more=True)
    return Page(found, version_of(epoch, head), has_more=False)


def _changes(rows: Sequence[tuple[Any, ...]], began: int) -> list[bytes]:
    """Return the JSON texts of the changes that fit: by one expression each, since a phone's first pull is of thousands."""
    return [
        (
            f'{{"collection":"{collection}",{this}"deleted":true,"record":null}}'
            if document is None
            else f'{{"collection":"{collection}",{this}"deleted":false,"record":{{{this}{document[1:]}}}'
        ).encode()
        for collection, id, seq, document, _, _, _ in rows
        if collection is not None and (this := f'"id":"{id}","version":{began + seq},')
    ]


async def version(view: View) -> int:
    """Return where the feed is."""
    feed = await view.db.only(access.FEED, owner_id=view.owner_id)
    return version_of(feed["epoch"], feed["head"])


async def state(view: View) -> Row:
    """Return where the feed is, and what can be synced."""
    return {
        "cursor": await version(view),
        "collections": {name: resource.field_names for name, resource in sorted(BY_COLLECTION.items())},
        "limits": {"max_ops": MAX_OPS, "max_bytes": MAX_PUSH_BYTES, "max_page": MAX_CHANGES},
    }
