"""Passwords: Argon2id, computed in threads, at most as many at once as there are cores."""

import asyncio
import os
from typing import Final

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

from app.settings import Settings

_hash: Final = PasswordHash.recommended()


class Passwords:
    """Hashes and checks passwords without ever blocking the loop."""

    def __init__(self, settings: Settings) -> None:
        """Prepare a hash to check against where there is no account, so that the time is the same."""
        self._places = asyncio.Semaphore(settings.hash_threads or os.cpu_count() or 1)
        self._nobody: str | None = None

    async def hashed(self, password: str) -> str:
        """Return the password's hash."""
        async with self._places:
            return await asyncio.to_thread(_hash.hash, password)

    async def right(self, password: str, password_hash: str | None) -> bool:
        """Say whether the password is the one; without a hash it takes as long, and is not."""
        if password_hash is None:
            if self._nobody is None:
                self._nobody = await self.hashed("nobody's password")
            await self._checked(password, self._nobody)
            return False
        return await self._checked(password, password_hash)

    async def _checked(self, password: str, password_hash: str) -> bool:
        async with self._places:
            try:
                return await asyncio.to_thread(_hash.verify, password, password_hash)
            except UnknownHashError:
                return False


def hashed_now(password: str) -> str:
    """Return the password's hash, in this thread: for the command line."""
    return _hash.hash(password)
