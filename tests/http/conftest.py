"""A line to the server, for what no client would send."""

from collections.abc import Iterator

import pytest

from tests.hostile.raw import Line
from tests.serving import Server


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    with Line(server.address) as line:
        yield line
