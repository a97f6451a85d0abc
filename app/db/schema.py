"""The schema's version: numbered migrations, run by Alembic, by exactly one process at a time."""

import sqlite3
from collections.abc import Callable
from typing import Final

import migrations
from app.problems import Failure

MIGRATIONS: Final = migrations.FOLDER
HEAD: Final = migrations.HEAD


_OTHER_VERSION: Final = Failure(
    "newer-schema",
    "the database's schema is of another version of Afterglow, probably a newer one: start that version",
    is_configuration=True,
)


class MigrationError(Exception):
    """The schema cannot be migrated. The message says why, and contains no data."""

    def __init__(self, failure: Failure) -> None:
        """Take the cause."""
        super().__init__(failure.message)
        self.is_configuration = failure.is_configuration


def migrate(database_url: str, revision: str = "head", report: Callable[[str], None] = lambda _line: None) -> None:
    """Migrate the schema up to `revision`, or down if it is `base` or relative (`-1`).

    Call `report` with one line for each step. Raise `MigrationError` if the migration fails.
    """
    from alembic import command  # noqa: PLC0415 - Alembic is slow to load, and a server does not need it
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415
    from asyncpg import InterfaceError, PostgresError  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    config = Config(attributes={"database_url": database_url, "report": report})
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    down = revision == "base" or revision.startswith("-")
    try:
        (command.downgrade if down else command.upgrade)(config, revision)
    except CommandError:
        raise MigrationError(_OTHER_VERSION) from None
    except (OSError, SQLAlchemyError, InterfaceError, PostgresError) as error:
        raise MigrationError(_explain(error)) from None


def _explain(error: BaseException) -> Failure:
    """Return why a migration failed. SQLAlchemy keeps the driver's error as `orig`, that of asyncpg as its cause."""
    from app.db.postgres import failures as postgres  # noqa: PLC0415 - only one of the drivers is needed
    from app.db.sqlite import failures as sqlite  # noqa: PLC0415

    found = getattr(error, "orig", None) or error
    if isinstance(found, sqlite3.Error):
        return sqlite.explain(found)
    return postgres.explain(found.__cause__ or found)
