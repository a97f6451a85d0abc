"""Running steps of an export or an import on threads: each takes milliseconds, and would block the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def on_thread(step: Callable[[], T]) -> T:
    """Run a step on a thread, and return its result.

    If the task is cancelled, wait for the end of the step, because the task then closes files that the step uses.
    """
    running = asyncio.get_running_loop().run_in_executor(None, step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
