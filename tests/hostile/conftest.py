"""A line to the server, and the proof that what was refused left no trace."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from app.db import Row, Statement
from app.identity import Feed
from tests.hostile.raw import Line
from tests.serving import Server

_tables = SQLModel.metadata.sorted_tables
_STATE = Statement(
    sa.select(
        *(
            sa.select(sa.func.count()).select_from(table).correlate(None).scalar_subquery().label(table.name)
            for table in _tables
        ),
        sa.select(sa.cast(sa.func.sum(Feed.table().c.head), sa.BigInteger)).scalar_subquery().label("heads"),
    )
)


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    with Line(server.address) as line:
        yield line


@pytest.fixture
def state(server: Server) -> Callable[[], Row | None]:
    """How many rows there are of everything, and how many writes there have been."""
    return lambda: server.run(server.db.one(_STATE))
