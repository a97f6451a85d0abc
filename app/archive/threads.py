"""Work of an export or an import that takes milliseconds, outside the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def on_thread(step: Callable[[], T]) -> T:
    """Return the result of a step on a thread. If this is cancelled, wait for its end: it uses what is closed then."""
    running = asyncio.get_running_loop().run_in_executor(None, step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
