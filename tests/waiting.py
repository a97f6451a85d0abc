"""Waiting for what another thread or process is about to do, and not waiting: being there at once."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import time_machine

SECONDS = 10


def awaited(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail where it does not in time."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def later(*, tick: bool = True, **amount: float) -> time_machine.travel:
    """Let it be later, for the server in this process too, until the block ends."""
    return time_machine.travel(datetime.now(UTC) + timedelta(**amount), tick=tick)
