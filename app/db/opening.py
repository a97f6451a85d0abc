"""The factory of databases. It has its own module to avoid circular imports."""

from app.db.database import Database
from app.settings import Settings


def open_database(settings: Settings) -> Database:
    """Return the database that the settings name, without connecting. Import only the driver of this database."""
    if settings.uses_sqlite:
        from app.db.sqlite.database import SqliteDatabase  # noqa: PLC0415 - see the docstring

        return SqliteDatabase(settings)
    from app.db.postgres.database import PostgresDatabase  # noqa: PLC0415 - see the docstring

    return PostgresDatabase(settings)
