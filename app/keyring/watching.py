"""Watches the keyring of a running server, even while no request uses the keyring."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app.keyring.keyring import Keyring

WATCH_SECONDS: Final = 2.0


@asynccontextmanager
async def watch_keyring(keyring: Keyring) -> AsyncIterator[None]:
    """Check the keyring every two seconds during the block: read a changed file, and log errors (`Keyring.check`)."""

    async def watch() -> None:
        while True:
            keyring.check()
            await asyncio.sleep(WATCH_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
