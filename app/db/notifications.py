"""Wake-ups: whoever waits for news of an owner is woken when there is some, whichever process it comes from.

A wake-up says that there may be news, never which: whoever is woken reads for themselves, as they do now and then
anyway. So a wake-up that is lost only delays. Nobody who waits holds a connection.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

_APART: Final = 0.002
"""Seconds between two who are woken only to make sure."""


class ChangeNotifier(ABC):
    """Who waits in this process, and for whose news; how news comes from other processes, a database says."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._work: asyncio.Task[None] | None = None

    @contextmanager
    def subscribe(self, owner_id: UUID) -> Iterator[asyncio.Event]:
        """Yield an event that is set whenever there may be news of the owner's."""
        subscribe, owner = asyncio.Event(), str(owner_id)
        self._bells.setdefault(owner, set()).add(subscribe)
        self._begin()
        try:
            yield subscribe
        finally:
            self._bells[owner].remove(subscribe)
            if not self._bells[owner]:
                del self._bells[owner]

    def subscribers(self, owner_id: UUID) -> int:
        """Return how many wait here for the owner's news."""
        return len(self._bells.get(str(owner_id), ()))

    def notify(self, owner_id: UUID) -> None:
        """Wake who waits for the owner's news, here and elsewhere. It is for news that is committed."""
        self._ring(str(owner_id))

    async def close(self) -> None:
        """Wake nobody any more."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    def _begin(self) -> None:
        """Begin, where it has not begun, to hear of what other processes tell."""
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._hear())

    @abstractmethod
    async def _hear(self) -> None:
        """Ring for the news of other processes."""

    def _ring(self, owner: str) -> None:
        for subscribe in self._bells.get(owner, ()):
            subscribe.set()

    def _ring_everybody(self) -> None:
        """Ring for every owner, since news may have been missed; one after the other, for each of them then reads."""
        loop = asyncio.get_running_loop()
        bells = [subscribe for bells in self._bells.values() for subscribe in bells]
        for number, subscribe in enumerate(bells):
            loop.call_later(number * _APART, subscribe.set)
