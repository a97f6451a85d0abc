"""Fixtures of the tests of sync."""

from collections.abc import Iterator

import pytest

from app.settings import Settings
from tests.conftest import Databases
from tests.hostile.raw import RawConnection
from tests.serving import Person, Server
from tests.sync.sync_client import SyncClient


@pytest.fixture
def settings(databases: Databases, database: str) -> Settings:
    """Settings with a fresh database, for tests that need no server."""
    return Settings(database_url=databases.fresh(database), database_pool=2, pool_seconds=10, statement_seconds=10)


@pytest.fixture
def sync(alice: Person) -> SyncClient:
    """A client that syncs as Alice."""
    return SyncClient(alice)


@pytest.fixture
def connection(server: Server) -> Iterator[RawConnection]:
    with RawConnection(server.address) as connection:
        yield connection
