"""Watching the keyring of a running server, also while no request uses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app.keyring.keyring import Keyring

WATCH_SECONDS: Final = 2.0


@asynccontextmanager
async def watched(keyring: Keyring) -> AsyncIterator[None]:
    """In the block, check every two seconds whether the file can be used, and that others cannot read it."""

    async def watch() -> None:
        while True:
            keyring.check()
            await asyncio.sleep(WATCH_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
