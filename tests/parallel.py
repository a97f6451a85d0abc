"""Calls that start at the same time, in threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")
DEVICES = 8


def at_once(act: Callable[[int], T], devices: int = DEVICES) -> list[T]:
    """Call `act` with the number of each device, all at the same time; return the results."""
    barrier = Barrier(devices)

    def begin(device: int) -> T:
        barrier.wait()
        return act(device)

    with ThreadPoolExecutor(devices) as pool:
        return list(pool.map(begin, range(devices)))
