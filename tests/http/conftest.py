"""A line to the server, for what no client would send; and a hall with one place."""

from collections.abc import Iterator

import pytest

from tests.hostile.chance import seed
from tests.hostile.raw import Line
from tests.http.hall import Hall, standing
from tests.serving import Server

__all__ = ["hall", "line", "seed"]


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    with Line(server.address) as line:
        yield line


@pytest.fixture
def hall() -> Iterator[Hall]:
    with standing() as hall:
        yield hall
