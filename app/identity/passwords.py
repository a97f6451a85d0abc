"""Passwords: Argon2id, computed in threads, at most as many at once as there are cores."""

import asyncio
import os
from collections.abc import Callable
from typing import Final, TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

from app.problems import Unavailable
from app.settings import Settings

T = TypeVar("T")
_hash: Final = PasswordHash.recommended()


class Passwords:
    """Hashes and checks passwords without ever blocking the loop; who waits too long for a place is turned away."""

    def __init__(self, settings: Settings) -> None:
        """Prepare a hash to check against where there is no account, so that the time is the same."""
        self._places = asyncio.Semaphore(settings.hash_threads or os.cpu_count() or 1)
        self._seconds = settings.hash_seconds
        self._nobody: str | None = None

    async def hashed(self, password: str) -> str:
        """Return the password's hash."""
        return await self._computed(_hash.hash, password)

    async def right(self, password: str, password_hash: str | None) -> bool:
        """Say whether the password is the one; without a hash it takes as long, and is not."""
        return (await self.checked(password, password_hash))[0]

    async def checked(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Say whether the password is the one, and return a new hash where the old one is weaker than today's."""
        if password_hash is None:
            if self._nobody is None:
                self._nobody = await self.hashed("nobody's password")
            await self._computed(_hash.verify, password, self._nobody)
            return False, None
        try:
            return await self._computed(_hash.verify_and_update, password, password_hash)
        except UnknownHashError:
            return False, None

    async def _computed(self, function: Callable[..., T], *arguments: str) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable from None
        try:
            return await asyncio.to_thread(function, *arguments)
        finally:
            self._places.release()


def hashed_now(password: str) -> str:
    """Return the password's hash, in this thread: for the command line."""
    return _hash.hash(password)
