"""Alice's phone, and a line to the server for what no client would ask."""

from collections.abc import Iterator

import pytest

from tests.hostile.raw import Line
from tests.serving import Person, Server
from tests.sync.phone import Phone


@pytest.fixture
def phone(alice: Person) -> Phone:
    return Phone(alice)


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    with Line(server.address) as line:
        yield line
