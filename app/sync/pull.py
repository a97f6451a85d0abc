"""Pull: the changes above a sequence number of the owner's feed, in pages, each page from one snapshot."""

import time
from collections.abc import Sequence
from operator import itemgetter
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BeforeValidator, Field

from app import json_strict
from app.db import Row
from app.http import JSON, ClientConnection, QueryModel, Response
from app.problems import NotSignedIn
from app.records import access
from app.records.codec import EPOCH_SHIFT, MAX_PAGE_BYTES, version_of
from app.records.filters import bounded_integer
from app.records.restorations import expired, proves_loss
from app.records.restoring import start_epoch
from app.records.view import View, feed_of
from app.sealing import OwnerKeys
from app.sync.collections import BY_COLLECTION, DEFAULT_CHANGES, MAX_CHANGES, MAX_OPS, MAX_PUSH_BYTES, Collections
from app.sync.cursors import Since, position_of
from app.sync.waiting import waiting

MAX_WAIT_SECONDS: Final = 30
_SEQ: Final = 2
_EPOCH: Final = 4
"""`_SEQ` and `_EPOCH` are the positions of the columns `seq` and `epoch` in a row of `access.changes_since`.

The epoch is null in all rows but the one with the feed's state.
"""


class PullQuery(QueryModel):
    """The query of a pull."""

    since: Since = Field(
        "0", description="The `cursor` of the previous page or pull; 0, the default, starts from the beginning."
    )
    limit: Annotated[int, BeforeValidator(bounded_integer(1, MAX_CHANGES))] = Field(
        DEFAULT_CHANGES, ge=1, le=MAX_CHANGES, description="The maximum number of changes in the page, 1 to 1000."
    )
    collections: Collections = Field(
        default_factory=list,
        description="Return changes of these collections only, separated by commas; by default of all.",
    )
    wait: Annotated[int, BeforeValidator(bounded_integer(0, MAX_WAIT_SECONDS))] = Field(
        0,
        ge=0,
        le=MAX_WAIT_SECONDS,
        description="The maximum number of seconds to wait for a change if there is none yet, 0 to 30.",
    )


class Page(NamedTuple):
    """A page of changes, each as JSON text, and the cursor of the next page."""

    changes: list[bytes]
    cursor: str
    has_more: bool

    def response(self) -> Response:
        """Return the response with the page."""
        texts = [*self.changes] or [b""]
        texts[0] = b'{"changes":[' + texts[0]
        texts[-1] += b'],"cursor":%b,"has_more":%b}' % (json_strict.dump(self.cursor), json_strict.dump(self.has_more))
        return Response(200, b",".join(texts), [JSON])


async def pull_or_wait(view: View, query: PullQuery, reader: ClientConnection) -> Page:
    """Return a page of changes as soon as there are any; an empty page after `wait` seconds, or if the waiting ends.

    Raise `NotSignedIn` if the device is signed out in the meantime, or an exception of `pull` or `waiting`.
    """
    page = await pull(view, query)
    if page.changes or not query.wait:
        return page
    until = time.monotonic() + query.wait
    async with waiting(view.caller.services, view.owner_id, reader) as waiter:
        page = await pull(view, query)
        while not page.changes and (left := until - time.monotonic()) > 0 and await waiter.wait(left):
            if not await view.caller.is_signed_in():
                raise NotSignedIn
            page = await pull(view, query)
    return page


async def pull(view: View, query: PullQuery) -> Page:
    """Return a page of changes; raise `CursorExpired` if the feed no longer has all changes since the cursor.

    If the cursor proves that the server has lost history, first start a new epoch of the feed.
    """
    position = position_of(query.since, tuple(query.collections))
    values: dict[str, Any] = {**view.binds}
    values |= {"after": position.version % EPOCH_SHIFT, "rows": query.limit + 1, "most_bytes": MAX_PAGE_BYTES}
    if query.collections:
        values["collections"] = [*query.collections]
    rows = await view.db.tuples(access.changes_since(filtered=bool(query.collections)), **values)
    _, _, head, _, epoch, floor, timezone = feed_of([row for row in rows if row[_EPOCH] is not None])
    view.caller.confirm(timezone)
    if not position.is_served(epoch, head, floor):
        if proves_loss(position.version, epoch, head):
            await start_epoch(view, position.version)
            _, epoch, _ = feed_of(await view.db.tuples(access.FEED, owner_id=view.owner_id))
        raise expired(position.version, epoch, await view.db.all(access.RESTORATIONS, owner_id=view.owner_id))
    ordered = sorted([row for row in rows if row[_EPOCH] is None], key=itemgetter(_SEQ))
    found = _changes(await view.data_keys(), ordered[: query.limit], version_of(epoch, 0))
    if len(ordered) > len(found):
        return Page(found, position.continued(version_of(epoch, ordered[len(found) - 1][_SEQ]), floor), has_more=True)
    return Page(found, str(version_of(epoch, head)), has_more=False)


def _changes(keys: OwnerKeys, rows: Sequence[tuple[Any, ...]], zero: int) -> list[bytes]:
    """Return the changes that fit the page, as JSON texts. `zero` is the feed's version with the sequence number 0.

    One expression creates each text, because the first pull of a device returns thousands of changes.
    """
    open_ = keys.open
    return [
        (
            f'{{"collection":"{collection}",{this}"deleted":true,"record":null}}'
            if sealed is None
            else f'{{"collection":"{collection}",{this}"deleted":false,"record":{{{this}{open_(collection, id, seq, sealed)[1:]}}}'
        ).encode()
        for collection, id, seq, sealed, _, _, _ in rows
        if collection is not None and (this := f'"id":"{id}","version":{zero + seq},')
    ]


async def version(view: View) -> int:
    """Return the version of the feed's head."""
    head, epoch, _ = feed_of(await view.db.tuples(access.FEED, owner_id=view.owner_id))
    return version_of(epoch, head)


async def state(view: View) -> Row:
    """Return the cursor of the feed's head, the collections with their fields, and the limits of a push and a pull."""
    return {
        "cursor": str(await version(view)),
        "collections": {name: resource.field_names for name, resource in sorted(BY_COLLECTION.items())},
        "limits": {"max_ops": MAX_OPS, "max_bytes": MAX_PUSH_BYTES, "max_page": MAX_CHANGES},
    }
