"""Fixtures of archives."""

from collections.abc import Iterator

import pytest

from tests.conftest import Servers
from tests.hostile.conftest import connection, seed, state
from tests.serving import Server

__all__ = ["connection", "exporting_server", "seed", "state"]


@pytest.fixture
def exporting_server(servers: Servers, database: str) -> Iterator[Server]:
    """Return a server that only exports use: they create many megabytes, and other tests compare all rows."""
    shared = servers.shared(database, exports_a_day=999)
    yield shared
    shared.end_test()
