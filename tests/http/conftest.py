"""A raw connection to the server, and a server that answers one request at a time."""

from collections.abc import Iterator

import pytest

from tests.hostile.raw import RawConnection
from tests.http.single_slot import SingleSlot, serve_single_slot
from tests.serving import Server


@pytest.fixture
def connection(server: Server) -> Iterator[RawConnection]:
    with RawConnection(server.address) as connection:
        yield connection


@pytest.fixture
def single_slot() -> Iterator[SingleSlot]:
    with serve_single_slot() as single_slot:
        yield single_slot
