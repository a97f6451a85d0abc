"""Fixtures of the docs pages: a browser, and the server with the pages."""

from collections.abc import Iterator

import pytest

from tests.browser import Visit, visiting
from tests.conftest import Servers
from tests.serving import Person, Server


@pytest.fixture
def docs_server(servers: Servers) -> Iterator[Server]:
    server = servers.shared("sqlite")
    yield server
    server.end_test()


@pytest.fixture
def person(docs_server: Server) -> Person:
    return docs_server.person("alice")


@pytest.fixture
def visit() -> Iterator[Visit]:
    """A page without errors, whose requests are all to one host."""
    with visiting() as visit:
        yield visit
        assert not visit.troubles
        assert len(visit.hosts) == 1
