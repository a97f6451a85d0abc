"""The factory of databases, in a module of its own so that no import is circular."""

from app.db.database import Database
from app.settings import Settings


def open_database(settings: Settings) -> Database:
    """Return the database that the settings name, not yet connected. Only its own driver is imported."""
    if settings.uses_sqlite:
        from app.db.sqlite.database import SqliteDatabase  # noqa: PLC0415 - see the docstring

        return SqliteDatabase(settings)
    from app.db.postgres.database import PostgresDatabase  # noqa: PLC0415 - see the docstring

    return PostgresDatabase(settings)
