"""The moment of these tests, and a person who has a calendar."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from tests.serving import Person, Server

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def now() -> Iterator[datetime]:
    """A moment at which the clock of this process, and of servers in it, is set; it goes on from there."""
    with time_machine.travel(NOW):
        yield NOW


@pytest.fixture
def ilse(server: Server, now: datetime) -> Person:
    """A person in New York, where clocks went back on 2026-11-01."""
    assert now
    return server.person("ilse", "America/New_York")
