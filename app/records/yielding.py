"""Yielding: work that takes long lets the event loop serve other requests from time to time."""

import asyncio
import time
from typing import Final

MAX_SECONDS: Final = 0.005
"""How long one request keeps the event loop busy. Reading 500 operations takes fifty times as long."""


class Yielding:
    """The work of one request, which calls `check` after each part."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        """Start now."""
        self._since = time.perf_counter()

    async def check(self) -> None:
        """Let other requests continue, if this one has kept the event loop busy for `MAX_SECONDS`."""
        if time.perf_counter() - self._since > MAX_SECONDS:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
