"""Graceful shutdown: a server reports that it is not ready before it stops, so that load balancers avoid it."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.server.in_flight import InFlightLimiter


@contextmanager
def drain_before_stop(limiter: InFlightLimiter, seconds: int) -> Iterator[None]:
    """Handle SIGTERM and SIGINT during the block: set `limiter.draining`, then pass the signal on to the server.

    SIGTERM is passed on after `seconds`. SIGINT is passed on at once, because a person sends it with Ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
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

    def drain(number: signal.Signals) -> None:
        limiter.draining.set()
        loop.call_later(seconds if number == signal.SIGTERM else 0, stop, number)

    for number in handlers:
        loop.add_signal_handler(number, drain, number)
    try:
        yield
    finally:
        for number in handlers:
            restore(number)
