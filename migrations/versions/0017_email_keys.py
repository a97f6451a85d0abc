"""e-mail addresses are compared by simple case folding: ß is not ss."""

import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress

import idna
import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

BATCH = 1000
_account, _registration, _change = (
    sa.table(name, sa.column("id", sa.Uuid), sa.column("email", sa.String), sa.column("email_key", sa.String))
    for name in ("account", "registration", "email_change")
)
_codes = [sa.table(name, sa.column("email_key", sa.String)) for name in ("reset_code", "reopen_code")]


def fold_simple(text: str) -> str:
    """Fold a text by characters: a character whose folding is several becomes its lower case, or stays as it is."""
    folded = (
        next((each for each in (character.casefold(), character.lower()) if len(each) == 1), character)
        for character in text
    )
    return unicodedata.normalize("NFC", "".join(folded))


def key_of(email: str, fold: Callable[[str], str]) -> str:
    """Return the key of an e-mail address."""
    local, _, domain = unicodedata.normalize("NFC", email).rpartition("@")
    if not domain.isascii():
        with suppress(idna.IDNAError):
            domain = idna.encode(domain, uts46=True).decode()
    return fold(f"{local}@{domain}")


def pages(table: sa.TableClause) -> Iterable[sa.Row[tuple[object, str, str]]]:
    """Yield the id, e-mail address and key of each row, a page at a time."""
    connection = op.get_bind()
    query = sa.select(table.c.id, table.c.email, table.c.email_key).order_by(table.c.id).limit(BATCH)
    page = connection.execute(query).all()
    while page:
        yield from page
        page = connection.execute(query.where(table.c.id > page[-1].id)).all()


def convert(fold: Callable[[str], str]) -> None:
    """Compute each key anew. An account stays as it is if another one has its key."""
    connection = op.get_bind()
    for row in pages(_account):
        key = key_of(row.email, fold)
        taken = sa.select(_account.c.id).where(_account.c.email_key == key)
        if key == row.email_key or connection.execute(taken).first() is not None:
            continue
        connection.execute(sa.update(_account).where(_account.c.id == row.id).values(email_key=key))
        for table in _codes:  # they were sent to the account's own e-mail address only
            connection.execute(sa.update(table).where(table.c.email_key == row.email_key).values(email_key=key))
    for table in (_registration, _change):
        for row in pages(table):
            key = key_of(row.email, fold)
            if key != row.email_key:
                connection.execute(sa.update(table).where(table.c.id == row.id).values(email_key=key))


def upgrade() -> None:
    """Fold characters."""
    convert(fold_simple)


def downgrade() -> None:
    """Fold texts, as before: characters may become several."""
    convert(str.casefold)
