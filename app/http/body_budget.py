"""The body budget: limits the bytes of request bodies that a worker keeps in memory.

A body that arrives in one piece is not counted, because it is small and the number of requests in flight is limited.
The pieces of other bodies are counted from their arrival until their request ends.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Final, TypeVar

from starlette.types import Scope

from app.problems import Unavailable

T = TypeVar("T")
BODY_BUDGET: Final = "body_budget"
"""The key of the worker's `BodyBudget` in the state that the application's lifespan yields."""
MAX_BYTES: Final = 64 * 2**20
CALLER_DIVISOR: Final = 4
"""One caller may use the budget divided by this number. A caller is an account, a clinic, or else an IP address."""
_RESERVED: Final = "reserved_body_bytes"
_FULL: Final = (
    "The server is receiving too many large bodies. "
    "Send the same request again after the number of seconds in Retry-After."
)
_SHARE_USED: Final = (
    "The server is receiving too many large bodies from this client. Send fewer at the same time, and this one again "
    "after the number of seconds in Retry-After."
)


class BodyBudget:
    """Counts the bytes of request bodies that a worker keeps in memory, in total and for each caller."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        """Start without counted bytes. `max_bytes` is the maximum for all callers together."""
        self.max_bytes = max_bytes
        self.used = 0
        self._used_by: Counter[Hashable] = Counter()
        self.parsing = asyncio.Lock()
        """A lock, held while a counted body is parsed. The event loop serves other requests before the next body."""

    def reserve(self, scope: Scope, size: int) -> None:
        """Count `size` more bytes of a request's body.

        Raise `Unavailable` if that would exceed the maximum of the request's caller, or of all callers together.
        """
        who = _caller_of(scope)
        if self._used_by[who] + size > self.max_bytes // CALLER_DIVISOR:
            raise Unavailable(_SHARE_USED)
        if self.used + size > self.max_bytes:
            raise Unavailable(_FULL)
        self.used += size
        self._used_by[who] += size
        scope[_RESERVED] = scope.get(_RESERVED, 0) + size

    def release(self, scope: Scope) -> None:
        """Subtract the counted bytes of a request's body."""
        size, who = scope.pop(_RESERVED), _caller_of(scope)
        self.used -= size
        self._used_by[who] -= size
        if not self._used_by[who]:
            del self._used_by[who]


def reserve(scope: Scope, size: int) -> None:
    """Count `size` more bytes of a request's body in the worker's budget; raise `Unavailable` if it is full."""
    scope["state"][BODY_BUDGET].reserve(scope, size)


def is_counted(scope: Scope) -> bool:
    """Return whether the body of a request is counted, because it arrived in several pieces."""
    return _RESERVED in scope


async def parse_in_turn(scope: Scope, parse: Callable[[], T]) -> T:
    """Parse a counted body and return the result. A worker parses counted bodies one after the other."""
    async with scope["state"][BODY_BUDGET].parsing:
        await asyncio.sleep(0)
        return parse()


def release(scope: Scope) -> None:
    """Subtract the bytes of a request's body from the worker's budget, if they were counted."""
    if is_counted(scope):
        scope["state"][BODY_BUDGET].release(scope)


def owner_of(scope: Scope) -> Hashable:
    """Return the id of the account or the clinic that sent a request; None if the caller is not known."""
    owner: Hashable = scope.get("account_id", scope.get("clinic_id"))
    return owner


def _caller_of(scope: Scope) -> Hashable:
    owner = owner_of(scope)
    client: tuple[str, int] | None = scope["client"]
    return owner if owner is not None or client is None else client[0]
