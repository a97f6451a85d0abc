"""Runs the steps of exports and imports on threads. A step takes milliseconds, and would block the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def on_thread(step: Callable[[], T]) -> T:
    """Call `step` on a thread, and return its result.

    If the calling task is cancelled, wait until the step has ended: the task then closes files that the step uses.
    """
    running = asyncio.get_running_loop().run_in_executor(None, step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
