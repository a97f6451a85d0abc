"""Converts values to the form that SQLite stores, and back to the values that PostgreSQL's driver returns.

The stored form is SQLAlchemy's, so that migrations and other programs read the same values. We do not use SQLAlchemy's
own conversions because ours are faster: conversions are most of the cost of reading a page of a thousand records.
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
def sqlite_dialect() -> sa.Dialect:
    """Return SQLAlchemy's dialect for the standard library's sqlite3.

    A parameter that a statement uses several times is passed only once.
    """
    dialect: sa.Dialect = registry.load("sqlite")(paramstyle="numeric_dollar")
    return dialect


def _store_id(id: UUID) -> str:
    return id.hex


@lru_cache(64)  # the rows of one write all have the same instant
def _store_instant(instant: datetime) -> str:
    if instant.tzinfo is None:
        message = "an instant without a UTC offset"
        raise ValueError(message)
    return instant.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _load_instant(stored: str) -> datetime:
    return datetime.fromisoformat(stored + "+00:00")


def _store_json(value: Any) -> str:
    return orjson.dumps(value).decode()


_STORE: Final[dict[type[sa.types.TypeEngine[Any]], Convert]] = {
    sa.Uuid: _store_id,
    sa.DateTime: _store_instant,
    sa.Date: date.isoformat,
    sa.JSON: _store_json,
    sa.Boolean: int,
}
_LOAD: Final[dict[type[sa.types.TypeEngine[Any]], Convert]] = {
    sa.Uuid: make_id,
    sa.DateTime: _load_instant,
    sa.Date: date.fromisoformat,
    sa.JSON: orjson.loads,
}


def to_sqlite(kind: sa.types.TypeEngine[Any]) -> Convert | None:
    """Return the function that converts a value of the column type `kind` to the form that SQLite stores.

    The returned function does not accept None. If no conversion is needed, `to_sqlite` itself returns None.
    """
    return _conversion(_STORE, kind) or kind.dialect_impl(sqlite_dialect()).bind_processor(sqlite_dialect())


def from_sqlite(kind: sa.types.TypeEngine[Any]) -> Convert | None:
    """Return the function that converts a stored value of the column type `kind` to a Python value.

    The returned function does not accept NULL. If no conversion is needed, `from_sqlite` itself returns None.
    """
    return _conversion(_LOAD, kind) or kind.dialect_impl(sqlite_dialect()).result_processor(sqlite_dialect(), None)


def _conversion(
    conversions: dict[type[sa.types.TypeEngine[Any]], Convert], kind: sa.types.TypeEngine[Any]
) -> Convert | None:
    plain = kind.impl_instance if isinstance(kind, sa.TypeDecorator) else kind
    return next((convert for known, convert in conversions.items() if isinstance(plain, known)), None)
