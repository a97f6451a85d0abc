"""each change names its actor, and the visibility of its record."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

KNOWN = "CONSTRAINT ck_change_visibility_known CHECK (visibility IN ('private', 'shared'))"
VISIBILITY = {"postgresql": "document::json ->> 'visibility'", "sqlite": "json_extract(document, '$.visibility')"}


def upgrade() -> None:
    """Rename `written_by`, which always named the owner: it stays the actor of the changes made until now."""
    op.alter_column("change", "written_by", new_column_name="actor_id")
    op.execute(f"ALTER TABLE change ADD COLUMN visibility VARCHAR {KNOWN}")
    op.execute(f"UPDATE change SET visibility = {VISIBILITY[op.get_bind().dialect.name]} WHERE NOT deleted")  # noqa: S608


def downgrade() -> None:
    """Forget who made each change: `written_by` names the owner again."""
    with op.batch_alter_table("change") as batch:
        batch.drop_constraint(op.f("ck_change_visibility_known"), type_="check")
        batch.drop_column("visibility")
    op.alter_column("change", "actor_id", new_column_name="written_by")
    op.execute(sa.text("UPDATE change SET written_by = owner_id"))
