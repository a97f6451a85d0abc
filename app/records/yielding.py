"""Yielding: long work of one request pauses regularly, so that the event loop can serve other requests."""

import asyncio
import time
from typing import Final

MAX_SECONDS: Final = 0.005
"""The maximum time in seconds that a request keeps the event loop busy; parsing 500 operations takes 50 times this."""


class Yielding:
    """Limits how long the work of one request keeps the event loop busy. The work calls `check` after each part."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        """Start to measure the time."""
        self._since = time.perf_counter()

    async def check(self) -> None:
        """Let other requests continue if this one has kept the event loop busy for more than `MAX_SECONDS`."""
        if time.perf_counter() - self._since > MAX_SECONDS:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
