"""Waiting for what another thread or process is about to do."""

import time
from collections.abc import Callable

SECONDS = 10


def awaited(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail where it does not in time."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
