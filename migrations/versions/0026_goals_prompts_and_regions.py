"""goal attainment scales of intentions, prompts of reflections, and regions of accounts."""

import re
from importlib import resources

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

COLUMNS = {
    "intention": {"weight": sa.Integer(), "baseline": sa.Integer()},
    "reflection": {"prompt_id": sa.String()},
    "account": {"region": sa.String()},
    "registration": {"region": sa.String()},
}
_region = re.compile("[a-z]{2,8}(?:-[a-z]{3})*(?:-[a-z]{4})?-([a-z]{2})(?:-.*)?", re.IGNORECASE).fullmatch


def upgrade() -> None:
    """Change the schema. Accounts get the region of their language tag; no intention had a scale, and each counts once."""
    for table, columns in COLUMNS.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind))
    op.execute("UPDATE intention SET weight = 1")
    with op.batch_alter_table("intention") as batch:
        batch.alter_column("weight", existing_type=sa.Integer(), nullable=False)
    account = sa.table("account", sa.column("locale", sa.String), sa.column("region", sa.String))
    regions = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    for (locale,) in op.get_bind().execute(sa.select(account.c.locale).distinct()).all():
        found = _region(locale)
        if found is not None and f"\n{found[1].upper()}\t" in regions:
            op.execute(sa.update(account).where(account.c.locale == locale).values(region=found[1].upper()))


def downgrade() -> None:
    """Undo the change."""
    for table, columns in COLUMNS.items():
        for name in columns:
            op.drop_column(table, name)
