"""${message}."""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = "${up_revision}"
down_revision = ${repr(down_revision)}
<%def name="code(operations)">${"\n".join(line for line in (operations or "pass").splitlines() if not line.strip().startswith("# ###")).strip()}</%def>

def upgrade() -> None:
    """Change the schema."""
    ${code(upgrades)}


def downgrade() -> None:
    """Undo the change."""
    ${code(downgrades)}
