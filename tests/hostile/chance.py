"""Chance that can be repeated: a seed that is printed at the end of a run, and how hard to try.

`TEST_SEED` repeats a run; `TEST_EFFORT` multiplies how much is tried.
"""

import os
import secrets
from collections.abc import Callable

import pytest

EFFORT = int(os.environ.get("TEST_EFFORT", "1"))

Say = Callable[[str, object], None]


@pytest.fixture
def seed(request: pytest.FixtureRequest, record_property: Say) -> int:
    """What the test draws from; with it and `TEST_SEED`, the same is drawn again."""
    seed = int(os.environ.get("TEST_SEED") or secrets.randbelow(2**32))
    record_property("said", f"{request.node.name}: TEST_SEED={seed} TEST_EFFORT={EFFORT}")
    return seed
