"""Changes to an account that only an operator can make, in the database."""

import sqlalchemy as sa

from app import clock
from app.db import Statement, bind
from app.identity.tables import AccountRecord, Role
from tests.serving import Person, Server

_account = AccountRecord.table()
_this = sa.update(_account).where(_account.c.id == bind(_account.c.id))
CLOSE = Statement(_this.values(closed_at=bind(_account.c.closed_at)))
APPOINT = Statement(_this.values(role=bind(_account.c.role)))


def close(server: Server, person: Person) -> None:
    """Close a person's account."""
    server.run(server.db.run(CLOSE, id=person.id, closed_at=clock.now()))


def appoint(server: Server, person: Person, role: Role) -> None:
    """Change a person's role."""
    server.run(server.db.run(APPOINT, id=person.id, role=role))
