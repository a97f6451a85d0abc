"""A raw connection to the server, and a fingerprint that shows whether a request changed the database."""

import hashlib
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from app.db import Statement
from tests.hostile.chance import seed
from tests.hostile.raw import RawConnection
from tests.serving import Server

__all__ = ["State", "connection", "seed", "state"]
State = Callable[[], dict[str, str]]
_EVERYTHING = {table.name: Statement(sa.select(table)) for table in SQLModel.metadata.sorted_tables}


@pytest.fixture
def connection(server: Server) -> Iterator[RawConnection]:
    with RawConnection(server.address) as connection:
        yield connection


@pytest.fixture
def state(server: Server) -> State:
    """Returns a fingerprint of all rows of each table."""

    async def read_all() -> dict[str, str]:
        found = {}
        for name, statement in _EVERYTHING.items():
            rows = sorted(repr([*row.values()]) for row in await server.db.all(statement))
            found[name] = f"{len(rows)} rows, {hashlib.sha256(repr(rows).encode()).hexdigest()}"
        return found

    return lambda: server.run(read_all())
