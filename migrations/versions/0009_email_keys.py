"""e-mail addresses are compared with their domain in ASCII (IDNA)."""

import idna
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

account = sa.table("account", sa.column("email_key", sa.String))


def convert(encode: bool) -> None:  # noqa: FBT001
    """Rewrite the domain of each key that has another form; a key that exists already is left as it is."""
    connection = op.get_bind()
    keys = {row[0] for row in connection.execute(sa.select(account.c.email_key))}
    for key in sorted(keys):
        local, _, domain = key.rpartition("@")
        if domain.isascii() if encode else "xn--" not in domain:
            continue
        try:
            other = idna.encode(domain, uts46=True).decode() if encode else idna.decode(domain)
        except idna.IDNAError:
            continue
        new = f"{local}@{other}".casefold()
        if new not in keys:
            connection.execute(sa.update(account).where(account.c.email_key == key).values(email_key=new))


def upgrade() -> None:
    """Encode the domains."""
    convert(encode=True)


def downgrade() -> None:
    """Decode the domains."""
    convert(encode=False)
