"""Slots for computing password hashes. Waiting networks get slots in turn, so that none can block the others."""

import asyncio
from collections import OrderedDict, deque


class HashSlots:
    """A semaphore with a queue of waiters per network. A released slot goes to the next network's oldest waiter."""

    def __init__(self, free: int) -> None:
        """Start with `free` free slots."""
        self._free = free
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def acquire(self, network: str) -> None:
        """Wait for a slot in the queue of `network`. If the call is cancelled after it got a slot, release the slot."""
        if self._free:
            self._free -= 1
            return
        slot = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(network, deque()).append(slot)
        try:
            await slot
        except asyncio.CancelledError:
            if not slot.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Release a slot: give it to a request of the network whose turn is next, or make it free if no request waits."""
        while self._waiting:
            network, waiters = self._waiting.popitem(last=False)
            slot = waiters.popleft()
            if waiters:
                self._waiting[network] = waiters  # behind all others
            if not slot.done():
                slot.set_result(None)
                return
        self._free += 1
