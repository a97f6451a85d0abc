"""Passwords: Argon2id, computed in threads, at most as many at once as there are cores, over all workers of a server."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from pwdlib import PasswordHash

from app.problems import Unavailable
from app.settings import Settings

T = TypeVar("T")
_hash: Final = PasswordHash.recommended()
NOBODYS: Final = "$argon2id$v=19$m=65536,t=3,p=4$kPw8KVwJS8KKilDZDn+5ng$GNttkA60J+8Ab6u4IORa5Ifj4C/o//aJxRruZVOyRO0"
"""The hash of a random password that nobody kept: what is checked where there is no account, in the same time."""


class Passwords:
    """Hashes and checks passwords without ever blocking the loop; who waits too long for a place is turned away.

    The threads are its own: letters that a slow mail server holds up hold up nobody's password.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the number of places from the settings."""
        threads = settings.hashes_at_once()
        self._places = asyncio.Semaphore(threads)
        self._threads = ThreadPoolExecutor(threads, "hash")
        self._seconds = settings.hash_seconds

    async def hashed(self, password: str) -> str:
        """Return the password's hash."""
        return await self._computed(_hash.hash, password)

    async def right(self, password: str, password_hash: str | None) -> bool:
        """Say whether the password is the one; without a hash it takes as long, and is not."""
        return (await self.checked(password, password_hash))[0]

    async def checked(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Say whether the password is the one, and return a new hash where the old one is weaker than today's."""
        if password_hash is None:
            await self._computed(_hash.verify, password, NOBODYS)
            return False, None
        return await self._computed(_hash.verify_and_update, password, password_hash)

    async def _computed(self, function: Callable[..., T], *arguments: str) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable from None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        finally:
            self._places.release()

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False)


def hashed_now(password: str) -> str:
    """Return the password's hash, in this thread: for the command line."""
    return _hash.hash(password)
