"""Fixtures of the tests of custody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Servers
from tests.serving import Server


@pytest.fixture
def own(servers: Servers, database: str, tmp_path: Path) -> Iterator[Server]:
    """A server with a database and a ledger of its own."""
    server = servers.start(servers.settings(database, ledger=tmp_path / "ledger"))
    yield server
    server.end_test()
