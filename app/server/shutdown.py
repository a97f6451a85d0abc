"""Draining: before a server stops, it says that it is not ready, so that nobody sends it more."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.server.in_flight import InFlightLimiter


@contextmanager
def draining(limiter: InFlightLimiter, seconds: int) -> Iterator[None]:
    """In the block, let SIGTERM set `places.ending` and reach the server only after some seconds; SIGINT, at once."""
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        yield
        return
    loop = asyncio.get_running_loop()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        signal.signal(number, handlers[number])

    def stop(number: signal.Signals) -> None:
        restore(number)
        signal.raise_signal(number)

    def asked(number: signal.Signals) -> None:
        limiter.draining.set()
        loop.call_later(seconds if number == signal.SIGTERM else 0, stop, number)

    for number in handlers:
        loop.add_signal_handler(number, asked, number)
    try:
        yield
    finally:
        for number in handlers:
            restore(number)
