"""Alice's phone, a line to the server for what no client would ask, and a database without a server."""

from collections.abc import Iterator

import pytest

from app.settings import Settings
from tests.conftest import Databases
from tests.hostile.raw import Line
from tests.serving import Person, Server
from tests.sync.phone import Phone


@pytest.fixture
def settings(databases: Databases, database: str) -> Settings:
    return Settings(database_url=databases.fresh(database), database_pool=2, pool_seconds=10, statement_seconds=10)


@pytest.fixture
def phone(alice: Person) -> Phone:
    return Phone(alice)


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    with Line(server.address) as line:
        yield line
