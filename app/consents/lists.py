"""Pages of lists that are ordered by time and id, newest first."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from app.db import Db, Row, Statement
from app.records.filters import Filters
from app.records.positions import Scope, decode_moment, encode_moment
from app.services import Services


class Page(NamedTuple):
    """The rows of a page, and the cursor of the next page, which is None on the last page."""

    rows: list[Row]
    next_cursor: str | None


async def read_page(
    db: Db,
    services: Services,
    pages: Mapping[bool, Statement],
    query: Filters,
    scope: Scope,
    *,
    id: str = "id",
    **values: Any,
) -> Page:
    """Return a page of a list, and the cursor of the next page.

    `pages[False]` is the statement of the first page, `pages[True]` that of each later page. They return rows with the
    column `created_at` and the column whose name is `id`, and take `values`. `scope` identifies the list: raise
    `InvalidCursor` if the query's cursor was issued for another list.
    """
    key, after = services.cursor_key, dict[str, Any]()
    if query.cursor is not None:
        after["after_at"], after["after_id"] = decode_moment(key, scope, query.cursor)
    rows = await db.all(pages[bool(after)], **values, **after, rows=query.limit + 1)
    more, rows = len(rows) > query.limit, rows[: query.limit]
    last: UUID | None = rows[-1][id] if more else None
    return Page(rows, None if last is None else encode_moment(key, scope, rows[-1]["created_at"], last))
