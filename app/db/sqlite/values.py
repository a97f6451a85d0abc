"""Values as a SQLite file keeps them, and as PostgreSQL's driver would give them back.

They are kept as SQLAlchemy keeps them, so that migrations and other programs read the same; converted by the shortest
way that there is, since a page of a thousand records is mostly that.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Any, Final
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import registry

from app.ids import make_id

Convert = Callable[[Any], Any]


@cache
def sqlite() -> sa.Dialect:
    """Return how the standard library's sqlite3 is spoken to."""
    dialect: sa.Dialect = registry.load("sqlite")(paramstyle="qmark")
    return dialect


def _digits_of(id: UUID) -> str:
    return id.hex


@lru_cache(64)  # a record is created, updated and noted in the feed at one moment
def _kept_moment(moment: datetime) -> str:
    if moment.tzinfo is None:
        message = "a moment without an offset"
        raise ValueError(message)
    return moment.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _moment_of(kept: str) -> datetime:
    return datetime.fromisoformat(kept + "+00:00")


def _json_of(value: Any) -> str:
    return orjson.dumps(value).decode()


_INTO: Final[dict[type[sa.types.TypeEngine[Any]], Convert]] = {
    sa.Uuid: _digits_of,
    sa.DateTime: _kept_moment,
    sa.Date: date.isoformat,
    sa.JSON: _json_of,
}
_OUT_OF: Final[dict[type[sa.types.TypeEngine[Any]], Convert]] = {
    sa.Uuid: make_id,
    sa.DateTime: _moment_of,
    sa.Date: date.fromisoformat,
    sa.JSON: orjson.loads,
}


def into(kind: sa.types.TypeEngine[Any]) -> Convert | None:
    """Return what makes of a value, which is not null, what is kept; None where it is kept as it is."""
    return _known(_INTO, kind) or kind.dialect_impl(sqlite()).bind_processor(sqlite())


def out_of(kind: sa.types.TypeEngine[Any]) -> Convert | None:
    """Return what makes of what is kept, and is not null, the value; None where it is kept as it is."""
    return _known(_OUT_OF, kind) or kind.dialect_impl(sqlite()).result_processor(sqlite(), None)


def _known(ways: dict[type[sa.types.TypeEngine[Any]], Convert], kind: sa.types.TypeEngine[Any]) -> Convert | None:
    plain = kind.impl_instance if isinstance(kind, sa.TypeDecorator) else kind
    return next((way for known, way in ways.items() if isinstance(plain, known)), None)
