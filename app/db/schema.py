"""The schema's version: numbered migrations, run by Alembic, by exactly one process at a time."""

from collections.abc import Callable
from typing import Final

import migrations

MIGRATIONS: Final = migrations.FOLDER
HEAD: Final = migrations.HEAD


class MigrationError(Exception):
    """The schema cannot be migrated. The message says why, and contains no data."""


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
        message = "the database's schema is of another version of Afterglow, probably a newer one"
        raise MigrationError(message) from None
    except (OSError, SQLAlchemyError, InterfaceError, PostgresError):
        message = "the database cannot be reached or changed: see AFTERGLOW_DATABASE_URL"
        raise MigrationError(message) from None
