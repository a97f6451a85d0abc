"""create the tables of the five kinds of record, and of their changes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True)
DOMAINS = "mind body spirit lifestyle relationships nature"


def known(table: str, **fields: str) -> list[sa.CheckConstraint]:
    """Return the constraints that each field has one of its values."""
    return [
        sa.CheckConstraint(
            f"{field} IN ({', '.join(repr(value) for value in values.split())})", name=op.f(f"ck_{table}_{field}_known")
        )
        for field, values in fields.items()
    ]


def record(table: str, *columns: sa.Column, references: dict[str, str], values: dict[str, str]) -> None:
    """Create the table of a kind of record, with its keys and the indexes of its lists."""
    op.create_table(
        table,
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("field_seq", sa.JSON(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        *columns,
        *known(table, visibility="private shared", **values),
        sa.PrimaryKeyConstraint("owner_id", "id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f(f"fk_{table}_owner_id")),
        *(
            sa.ForeignKeyConstraint(
                ["owner_id", field],
                [f"{referenced}.owner_id", f"{referenced}.id"],
                name=op.f(f"fk_{table}_owner_id_{field}"),
                deferrable=True,
                initially="DEFERRED",
            )
            for field, referenced in references.items()
        ),
    )
    op.create_index(op.f(f"ix_{table}_owner_id_created_at_id"), table, ["owner_id", "created_at", "id"])
    for field in references:
        name = f"ix_{table}_owner_id_{field}_created_at_id"
        op.create_index(op.f(name), table, ["owner_id", field, "created_at", "id"])


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "change",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("collection", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("written_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f("fk_change_owner_id")),
        sa.PrimaryKeyConstraint("owner_id", "collection", "id", name=op.f("pk_change")),
        sa.UniqueConstraint("owner_id", "seq", name=op.f("uq_change_owner_id_seq")),
    )
    record(
        "session",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_reason", sa.String()),
        sa.Column("title", sa.String()),
        sa.Column("scheduled_at", MOMENT),
        sa.Column("started_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("setting", sa.String()),
        sa.Column("supervision", sa.String()),
        sa.Column("medicine", sa.String()),
        sa.Column("route", sa.String()),
        sa.Column("dose_value", sa.Numeric(8, 3)),
        sa.Column("dose_unit", sa.String()),
        sa.Column("intensity", sa.Integer()),
        sa.Column("notes", sa.String()),
        references={},
        values={
            "kind": "preparation dosing integration",
            "status": "planned in-progress completed stopped not-done entered-in-error",
            "setting": "clinic home telehealth retreat inpatient other",
            "supervision": "in-person-clinician in-person-sitter peer-monitor remote-guide self-led",
            "medicine": "racemic-ketamine esketamine arketamine other none",
            "route": "intravenous intramuscular subcutaneous intranasal sublingual buccal oral rectal other",
            "dose_unit": "mg mg/kg ug",
        },
    )
    record(
        "element",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String()),
        sa.Column("valence", sa.Integer()),
        sa.Column("intensity", sa.Integer()),
        sa.Column("significance", sa.Integer()),
        sa.Column("meaning", sa.String()),
        sa.Column("origin", sa.String()),
        sa.Column("reframe", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        references={"session_id": "session"},
        values={
            "kind": "emotion memory image-vision insight body-sensation encounter part-of-self belief-perspective "
            "relationship ego-dissolution sound-music symbol challenging-moment other",
            "status": "captured exploring understood integrated set-aside",
        },
    )
    record(
        "intention",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("why", sa.String()),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("element_id", sa.Uuid()),
        sa.Column("derived_from_id", sa.Uuid()),
        sa.Column("domain", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("achievement", sa.String()),
        sa.Column("target_on", sa.Date()),
        references={"session_id": "session", "element_id": "element", "derived_from_id": "intention"},
        values={
            "kind": "session integration",
            "domain": DOMAINS,
            "status": "proposed active on-hold completed cancelled",
            "achievement": "in-progress improving no-change worsening achieved not-achieved",
        },
    )
    record(
        "reflection",
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("title", sa.String()),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("element_id", sa.Uuid()),
        sa.Column("intention_id", sa.Uuid()),
        sa.Column("prompt", sa.String()),
        sa.Column("capture", sa.String(), nullable=False),
        sa.Column("mood", sa.Integer()),
        sa.Column("emotions", sa.JSON(), nullable=False),
        sa.Column("domains", sa.JSON(), nullable=False),
        references={"session_id": "session", "element_id": "element", "intention_id": "intention"},
        values={"capture": "typed voice-transcript imported"},
    )
    record(
        "action_item",
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("facet", sa.String(), nullable=False),
        sa.Column("details", sa.String()),
        sa.Column("if_cue", sa.String()),
        sa.Column("then_response", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date()),
        sa.Column("due_on", sa.Date()),
        sa.Column("completed_at", MOMENT),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("element_id", sa.Uuid()),
        sa.Column("intention_id", sa.Uuid()),
        sa.Column("reflection_id", sa.Uuid()),
        references={
            "session_id": "session",
            "element_id": "element",
            "intention_id": "intention",
            "reflection_id": "reflection",
        },
        values={
            "change": "internal external",
            "facet": "thought emotion perspective attention self-talk behaviour relationship environment health "
            "creative service work other",
            "status": "draft requested accepted rejected in-progress on-hold completed failed cancelled entered-in-error",
        },
    )


def downgrade() -> None:
    """Undo the change."""
    for table in ("action_item", "reflection", "intention", "element", "session", "change"):
        op.drop_table(table)
