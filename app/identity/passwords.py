"""Passwords: their Argon2id hashes, computed in threads. All workers together have one thread per core by default.

Waiting networks get a thread in turn, so that the requests of one network do not delay those of the others.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from pwdlib import PasswordHash

from app.identity.hash_slots import HashSlots
from app.problems import Unavailable
from app.settings import Settings

T = TypeVar("T")
_hash: Final = PasswordHash.recommended()
UNKNOWN_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$kPw8KVwJS8KKilDZDn+5ng$GNttkA60J+8Ab6u4IORa5Ifj4C/o//aJxRruZVOyRO0"
)
"""The hash of a discarded random password. It is checked if there is no account, to take as long as for an account."""


def normalized(password: str) -> str:
    """Return a password in Unicode's normal form NFC.

    Devices may encode the same characters as different code points (NIST SP 800-63B).
    """
    return unicodedata.normalize("NFC", password)


class Passwords:
    """Hashes and checks passwords without blocking the event loop.

    Its methods raise `Unavailable` if no thread becomes free within `hash_seconds`. Their parameter `network` is the
    network of the request: waiting networks get a thread in turn. The threads are used for hashes only, so that a slow
    mail server does not delay sign-ins.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the number of threads and the maximum wait from the settings."""
        threads = settings.hashes_at_once()
        self._slots = HashSlots(threads)
        self._threads = ThreadPoolExecutor(threads, "hash")
        self._seconds = settings.hash_seconds
        self.running = self.waiting = 0
        """The numbers of hashes that are being computed (`running`) and that wait for a free thread (`waiting`)."""

    async def hashed(self, password: str, network: str = "") -> str:
        """Return the hash of a password."""
        return await self._computed(network, hashed_now, password)

    async def verify(self, password: str, password_hash: str | None, network: str = "") -> bool:
        """Return whether a password matches a hash; if the hash is None, return False after the same time."""
        return (await self.verify_and_update(password, password_hash, network))[0]

    async def verify_and_update(
        self, password: str, password_hash: str | None, network: str = ""
    ) -> tuple[bool, str | None]:
        """Return whether a password matches a hash, and the hash that should replace it; None if none should.

        A hash should be replaced if its parameters are weaker than the current ones, or if it was computed from a
        password that was not normalized, as in earlier releases. If the hash is None, return False and None after the
        same time.
        """
        if password_hash is None:
            await self._computed(network, _hash.verify, password, UNKNOWN_HASH)
            return False, None
        right, stronger = await self._computed(network, _hash.verify_and_update, normalized(password), password_hash)
        if right or normalized(password) == password:
            return right, stronger
        right = await self._computed(network, _hash.verify, password, password_hash)
        return right, await self.hashed(password, network) if right else None

    async def _computed(self, network: str, function: Callable[..., T], *arguments: str) -> T:
        self.waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._slots.acquire(network)
        except TimeoutError:
            raise Unavailable from None
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        finally:
            self.running -= 1
            self._slots.release()

    def close(self) -> None:
        """Shut down the thread pool without waiting for its threads."""
        self._threads.shutdown(wait=False)


def hashed_now(password: str) -> str:
    """Return the hash of a password, computed in the calling thread. The command line uses this."""
    return _hash.hash(normalized(password))
