"""words in the sealed documents only."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

REQUIRED = {"element": ["title"], "intention": ["statement"], "reflection": ["body"], "action_item": ["title"]}
OPTIONAL = {
    "session": ["status_reason", "title", "notes"],
    "element": ["description", "meaning", "origin", "reframe"],
    "intention": ["why"],
    "reflection": ["title", "prompt"],
    "action_item": ["details", "if_cue", "then_response"],
}
LISTS = {"reflection": ["emotions"]}
NOT_SEALED = "SELECT 1 FROM change WHERE sealed IS NULL AND NOT deleted LIMIT 1"


def upgrade() -> None:
    """Drop every column with a person's words; the sealed document takes the plain one's place."""
    if op.get_bind().execute(sa.text(NOT_SEALED)).first() is not None:
        message = "documents are not sealed yet: run `afterglow migrate`"
        raise RuntimeError(message)
    for columns in (REQUIRED, OPTIONAL, LISTS):
        for table, names in columns.items():
            for name in names:
                op.drop_column(table, name)
    with op.batch_alter_table("change") as batch:
        batch.drop_column("document")
    with op.batch_alter_table("change") as batch:
        batch.alter_column("sealed", new_column_name="document")
    with op.batch_alter_table("change") as batch:
        batch.create_check_constraint(op.f("ck_change_tombstones_are_empty"), "(document IS NULL) = deleted")
    with op.batch_alter_table("element") as batch:
        batch.alter_column("has_meaning", existing_type=sa.Boolean(), nullable=False)


def downgrade() -> None:
    """Add the plain columns again, empty: `migrations.sealing` fills them before the previous revision."""
    with op.batch_alter_table("element") as batch:
        batch.alter_column("has_meaning", existing_type=sa.Boolean(), nullable=True)
    with op.batch_alter_table("change") as batch:
        batch.drop_constraint(op.f("ck_change_tombstones_are_empty"), type_="check")
        batch.alter_column("document", new_column_name="sealed")
    op.add_column("change", sa.Column("document", sa.String()))
    for table, names in (*REQUIRED.items(), *OPTIONAL.items()):
        for name in names:
            op.add_column(table, sa.Column(name, sa.String()))
    for table, names in LISTS.items():
        for name in names:
            op.add_column(table, sa.Column(name, sa.JSON()))
