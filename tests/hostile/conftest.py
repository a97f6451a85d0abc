"""A raw connection to a server, and a fingerprint that shows whether a request changed the database."""

import hashlib
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from app.db import Statement
from app.identity.tables import AccountRecord
from app.resources import RESOURCES
from app.services import Services
from app.webhooks import delivering
from tests.conftest import Servers
from tests.custody.accounts import without_jobs
from tests.drafts import create_record
from tests.hostile.chance import seed
from tests.hostile.raw import RawConnection
from tests.serving import Server

__all__ = ["State", "connection", "seed", "server", "state"]
State = Callable[[], dict[str, str]]
MAX_ACCOUNTS = 30
"""How many people the database of these tests may have before it is emptied."""
_TABLES = SQLModel.metadata.sorted_tables
_EVERYTHING = {table.name: Statement(sa.select(table)) for table in _TABLES}
_COUNT_ACCOUNTS = Statement(sa.select(sa.func.count().label("accounts")).select_from(AccountRecord.table()))
_EMPTY = [Statement(sa.delete(table)) for table in reversed(_TABLES)]


@pytest.fixture
def server(servers: Servers, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of these tests only, with few records of other people: `state` reads all of them.

    It sends no messages to webhooks, because that changes rows between two looks at the state.
    """
    with monkeypatch.context() as patch:
        patch.setattr(delivering, "run", _send_nothing)
        shared = servers.shared(database, of="hostile")
    if shared.run(shared.db.all(_COUNT_ACCOUNTS))[0]["accounts"] not in range(1, MAX_ACCOUNTS):
        shared.run(_empty(shared))
        other = shared.person("other")
        for resource in RESOURCES:
            create_record(other.client, resource, other)
    yield shared
    shared.end_test()


async def _send_nothing(_: Services) -> None:
    """Take the place of the job that sends messages to webhooks."""


async def _empty(server: Server) -> None:
    async with server.db.transaction() as tx:
        for statement in _EMPTY:
            await tx.run(statement)


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

    def read() -> dict[str, str]:
        without_jobs(server)
        return server.run(read_all())

    return read
