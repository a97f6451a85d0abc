"""store each change as JSON, and create remembered operations and restorations."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from app import json_strict

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)
KINDS = {
    "sessions": "session",
    "elements": "element",
    "intentions": "intention",
    "reflections": "reflection",
    "action-items": "action_item",
}
UNSENT = {"owner_id", "id", "seq", "field_seq"}
BATCH_SIZE = 500


def typed(_inspector: object, _table: sa.Table, column: dict[str, Any]) -> None:
    """Give columns of ids their type, which SQLite does not know."""
    if column["name"] == "id" or column["name"].endswith("_id"):
        column["type"] = sa.Uuid()


def sent(value: Any) -> Any:
    """Return a value as the API sends it. SQLite returns instants in UTC, but without an offset."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def fill(connection: sa.Connection) -> None:
    """Store every record as JSON with its latest change."""
    metadata = sa.MetaData()
    known = {"autoload_with": connection, "resolve_fks": False, "listeners": [("column_reflect", typed)]}
    change = sa.Table("change", metadata, **known)
    for collection, name in KINDS.items():
        rows = connection.execute(sa.select(sa.Table(name, metadata, **known))).mappings()
        this = (change.c.owner_id == sa.bindparam("owner"), change.c.id == sa.bindparam("record"))
        write = sa.update(change).where(change.c.collection == collection, *this).values(document=sa.bindparam("text"))
        for some in rows.partitions(BATCH_SIZE):
            documents = [{str(key): sent(row[key]) for key in row if key not in UNSENT} for row in some]
            texts = [json_strict.dump(document).decode() for document in documents]
            connection.execute(
                write,
                [
                    {"owner": row["owner_id"], "record": row["id"], "text": text}
                    for row, text in zip(some, texts, strict=True)
                ],
            )


def upgrade() -> None:
    """Change the schema."""
    op.add_column("change", sa.Column("document", sa.String()))
    fill(op.get_bind())
    with op.batch_alter_table("change") as change:
        change.create_check_constraint(op.f("ck_change_tombstones_are_empty"), "(document IS NULL) = deleted")
    op.create_index(
        op.f("ix_change_written_at"),
        "change",
        ["written_at"],
        sqlite_where=sa.text("deleted"),
        postgresql_where=sa.text("deleted"),
    )
    op.create_table(
        "remembered_op",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("op_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "op_id", name=op.f("pk_remembered_op")),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f("fk_remembered_op_owner_id")),
    )
    op.create_index(op.f("ix_remembered_op_written_at"), "remembered_op", ["written_at"])
    op.create_table(
        "restoration",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("restored_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "epoch", name=op.f("pk_restoration")),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f("fk_restoration_owner_id")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("restoration")
    op.drop_table("remembered_op")
    op.drop_index(op.f("ix_change_written_at"), "change")
    with op.batch_alter_table("change") as change:
        change.drop_constraint(op.f("ck_change_tombstones_are_empty"), type_="check")
        change.drop_column("document")
