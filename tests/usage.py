"""Counts what an account has stored, to compare it with what its feed says."""

import sqlalchemy as sa

from app.db import Row, Statement, bind
from app.records.tables import RememberedOp
from app.resources import RESOURCES
from tests.rows import feed_of, rows_of
from tests.serving import Person, Server

_op = RememberedOp.table()
_REMEMBERED = Statement(sa.select(sa.func.count().label("ops")).where(_op.c.owner_id == bind(_op.c.owner_id)))
COUNTED = ("records", "document_bytes", "remembered_ops")


def counted(server: Server, person: Person) -> Row:
    """Return the numbers in a person's feed."""
    feed = feed_of(server, person)
    return {name: feed[name] for name in COUNTED}


def recounted(server: Server, person: Person) -> Row:
    """Return the same numbers, counted from the rows."""
    sizes = [len(row["document"]) for kind in RESOURCES for row in rows_of(server, person, kind).values()]
    ops = server.run(server.db.only(_REMEMBERED, owner_id=person.id))["ops"]
    return dict(zip(COUNTED, (len(sizes), sum(sizes), ops), strict=True))
