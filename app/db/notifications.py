"""Change notifications: wake the subscribers of an owner's feed when any process has written changes.

A subscriber is a request that waits for changes, such as a long poll. A notification does not contain the changes: the
subscriber then reads the feed. A subscriber also reads the feed from time to time without a notification, so a lost
notification only causes a delay. A subscriber holds no database connection while it waits.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

_SECONDS_BETWEEN_WAKES: Final = 0.002
"""The pause before `_wake_all` wakes the next subscriber, so that they do not all read at the same time."""


class ChangeNotifier(ABC):
    """Wakes the subscribers of this process. A subclass also exchanges notifications with other processes."""

    def __init__(self) -> None:
        """Start without subscribers."""
        self._events: dict[str, set[asyncio.Event]] = {}
        self._listener: asyncio.Task[None] | None = None

    @contextmanager
    def subscribe(self, owner_id: UUID) -> Iterator[asyncio.Event]:
        """Yield an event that is set whenever the owner's feed may have new changes. The subscriber must clear it."""
        event, owner = asyncio.Event(), str(owner_id)
        self._events.setdefault(owner, set()).add(event)
        self._start_listener()
        try:
            yield event
        finally:
            self._events[owner].remove(event)
            if not self._events[owner]:
                del self._events[owner]

    def subscribers(self, owner_id: UUID) -> int:
        """Return the number of the owner's subscribers in this process."""
        return len(self._events.get(str(owner_id), ()))

    def notify(self, owner_id: UUID) -> None:
        """Wake the owner's subscribers, in this process and in others. Call it after the changes are committed."""
        self._wake(str(owner_id))

    async def close(self) -> None:
        """Stop receiving notifications from other processes."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])

    def _start_listener(self) -> None:
        """Start the task that receives notifications from other processes, unless it is running."""
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen())

    @abstractmethod
    async def _listen(self) -> None:
        """Receive notifications from other processes, and wake the subscribers of the owners in them."""

    def _wake(self, owner: str) -> None:
        for event in self._events.get(owner, ()):
            event.set()

    def _wake_all(self) -> None:
        """Wake every subscriber, one after the other. Call it if notifications may have been missed."""
        loop = asyncio.get_running_loop()
        events = [event for events in self._events.values() for event in events]
        for number, event in enumerate(events):
            loop.call_later(number * _SECONDS_BETWEEN_WAKES, event.set)
