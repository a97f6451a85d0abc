"""Checks whether the database works and has the schema of this release, for `/readyz` and for commands."""

from typing import Final

from app.db.database import Database
from app.db.schema import HEAD
from app.problems import Failure, StorageFull, Unavailable

UNREACHABLE: Final = Failure("unreachable", "the database does not answer: check AFTERGLOW_DATABASE_URL")
NOT_MIGRATED: Final = Failure(
    "not-migrated", "the schema is not of this version: run `afterglow migrate`", is_configuration=True
)
NEWER_SCHEMA: Final = Failure(
    "newer-schema",
    "the schema is of a newer version of Afterglow: start that version, or restore a backup",
    is_configuration=True,
)


async def find_failure(db: Database) -> Failure | None:
    """Return why the database cannot be used, or None if it answers, is writable, and has the current schema."""
    try:
        revision = await db.check_health()
    except (Unavailable, StorageFull) as problem:
        return problem.failure or UNREACHABLE
    if revision == HEAD:
        return None
    return NEWER_SCHEMA if revision is not None and revision > HEAD else NOT_MIGRATED
