"""Seeds of random tests, printed at the end of a run, and the effort.

`TEST_SEED` repeats a run; `TEST_EFFORT` multiplies the number of cases.
"""

import os
import secrets
from collections.abc import Callable

import pytest

EFFORT = int(os.environ.get("TEST_EFFORT", "1"))

RecordProperty = Callable[[str, object], None]


@pytest.fixture
def seed(request: pytest.FixtureRequest, record_property: RecordProperty) -> int:
    """The seed of the test's random choices: that of `TEST_SEED`, else a random one."""
    seed = int(os.environ.get("TEST_SEED") or secrets.randbelow(2**32))
    record_property("summary", f"{request.node.name}: TEST_SEED={seed} TEST_EFFORT={EFFORT}")
    return seed
