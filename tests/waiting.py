"""Waiting for a condition, and moving the clock."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import time_machine

SECONDS = 10


def wait_until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait until a condition is true; fail after some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def later(*, tick: bool = True, **amount: float) -> time_machine.travel:
    """Move the clock of this process, and of servers in it, forward until the block ends."""
    return time_machine.travel(datetime.now(UTC) + timedelta(**amount), tick=tick)
