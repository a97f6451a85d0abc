"""Calls in threads, that start at the same time or soon."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Timer
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


@contextmanager
def soon(act: Callable[..., object], *arguments: object) -> Iterator[None]:
    """Call `act` half a second after the block began, on another thread; wait for its end when the block ends."""
    timer = Timer(0.5, act, arguments)
    timer.start()
    yield
    timer.join()
