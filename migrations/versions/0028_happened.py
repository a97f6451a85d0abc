"""when what a record tells of happened, for the timeline."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

BATCH_SIZE = 1000
MOMENT = sa.DateTime(timezone=True)
INSTANTS = {
    "session": ("sessions", ("started_at", "scheduled_at")),
    "element": ("elements", ()),
    "intention": ("intentions", ()),
    "reflection": ("reflections", ("occurred_at",)),
    "action_item": ("action-items", ("completed_at",)),
    "practice": ("practices", ()),
    "check_in": ("check-ins", ("taken_at",)),
    "assessment": ("assessments", ("taken_at",)),
}
"""The collection of each table, and the columns with the time, the first one that is not null; else `created_at`."""
DAYS = {"practice_entry": ("practice-entries", "day"), "outcome": ("outcomes", "day")}
"""The collection of each table whose records have a day, and its column. A day counts as its noon in the owner's zone."""
KEY = ("owner_id", "id")
CHANGE = sa.table(
    "change",
    sa.column("owner_id", sa.Uuid()),
    sa.column("collection", sa.String()),
    sa.column("id", sa.Uuid()),
    sa.column("happened_at", MOMENT),
)
ACCOUNT = sa.table("account", sa.column("id", sa.Uuid()), sa.column("timezone", sa.String()))
SET = (
    sa.update(CHANGE)
    .where(*(CHANGE.c[name] == sa.bindparam(f"of_{name}") for name in ("owner_id", "collection", "id")))
    .values(happened_at=sa.bindparam("moment"))
)


def table_of(name: str, *columns: sa.ColumnClause[Any]) -> sa.TableClause:
    """Return the table of a kind of record, with its key and these columns."""
    return sa.table(name, *(sa.column(key, sa.Uuid()) for key in KEY), *columns)


def set_instants(name: str, collection: str, columns: Sequence[str]) -> None:
    """Date the records of a table by an instant, by one statement."""
    table = table_of(name, *(sa.column(column, MOMENT) for column in (*columns, "created_at")))
    times = [table.c[column] for column in (*columns, "created_at")]
    moment = sa.func.coalesce(*times) if columns else times[0]
    found = sa.select(moment).where(*(table.c[key] == CHANGE.c[key] for key in KEY)).scalar_subquery()
    op.execute(sa.update(CHANGE).where(CHANGE.c.collection == collection).values(happened_at=found))


def set_noons(name: str, collection: str, column: str) -> None:
    """Date the records of a table by the noon of a day, in batches: the databases do not know the same time zones."""
    for rows in batches(table_of(name, sa.column(column, sa.Date())), column):
        dated = [
            {
                "of_owner_id": owner_id,
                "of_collection": collection,
                "of_id": id,
                "moment": datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC),
            }
            for owner_id, id, day, zone in rows
        ]
        op.get_bind().execute(SET, dated)


def batches(table: sa.TableClause, column: str) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yield the owner, id, day and owner's time zone of all records of a table, in the order of its key."""
    key = [table.c[name] for name in KEY]
    found = (
        sa.select(*key, table.c[column], ACCOUNT.c.timezone)
        .join_from(table, ACCOUNT, ACCOUNT.c.id == table.c.owner_id)
        .order_by(*key)
        .limit(BATCH_SIZE)
    )
    after: list[Any] = []
    while True:
        position = [sa.tuple_(*key) > sa.tuple_(*(sa.literal(value, sa.Uuid()) for value in after))] if after else []
        rows = op.get_bind().execute(found.where(*position)).all()
        if not rows:
            return
        yield rows
        after = [*rows[-1][: len(KEY)]]


def upgrade() -> None:
    """Date the records that exist. Their times and days stand in columns, so that no document is opened."""
    op.add_column("change", sa.Column("happened_at", MOMENT))
    for name, (collection, columns) in INSTANTS.items():
        set_instants(name, collection, columns)
    for name, (collection, column) in DAYS.items():
        set_noons(name, collection, column)
    op.create_index(op.f("ix_change_owner_id_happened_at_seq"), "change", ["owner_id", "happened_at", "seq"])


def downgrade() -> None:
    """Forget the times."""
    op.drop_index(op.f("ix_change_owner_id_happened_at_seq"), "change")
    op.drop_column("change", "happened_at")
