"""Several devices that act at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")
DEVICES = 8


def at_once(act: Callable[[int], T], devices: int = DEVICES) -> list[T]:
    """Return what several devices get, which all begin together."""
    barrier = Barrier(devices)

    def begin(device: int) -> T:
        barrier.wait()
        return act(device)

    with ThreadPoolExecutor(devices) as pool:
        return list(pool.map(begin, range(devices)))
