"""The budget of bytes for request bodies: how much of them a worker keeps in memory at once.

A body that arrives in one piece is not counted: it is small, and the number of requests in flight is limited. All pieces of
other bodies are counted, from their arrival to the end of their request.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Final, TypeVar

from starlette.types import Scope

from app.problems import Unavailable

T = TypeVar("T")
BODY_BUDGET: Final = "body_budget"
"""The key of a worker's budget in the state that its lifespan yields."""
MAX_BYTES: Final = 64 * 2**20
SHARES: Final = 4
"""One account, or one address without an account, may use this part of the budget."""
_RESERVED: Final = "reserved_body_bytes"
_FULL: Final = (
    "The server is receiving too many large bodies. Send the same request again after the seconds in Retry-After."
)
_SHARE_USED: Final = (
    "Too many large bodies of this client are on their way. Send fewer at once: this one again after the seconds in "
    "Retry-After."
)


class BodyBudget:
    """The bytes of bodies that all requests of a worker keep in memory."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        """Start with an unused budget."""
        self.max_bytes = max_bytes
        self.used = 0
        self._used_by: Counter[Hashable] = Counter()
        self.parsing = asyncio.Lock()
        """Held while a large body is parsed, so that the event loop serves other requests between two of them."""

    def reserve(self, scope: Scope, size: int) -> None:
        """Count bytes of the body of a request. Raise `Unavailable` if its caller, or the worker, has too many."""
        who = _caller_of(scope)
        if self._used_by[who] + size > self.max_bytes // SHARES:
            raise Unavailable(_SHARE_USED)
        if self.used + size > self.max_bytes:
            raise Unavailable(_FULL)
        self.used += size
        self._used_by[who] += size
        scope[_RESERVED] = scope.get(_RESERVED, 0) + size

    def release(self, scope: Scope) -> None:
        """Stop counting the body of a request."""
        size, who = scope.pop(_RESERVED), _caller_of(scope)
        self.used -= size
        self._used_by[who] -= size
        if not self._used_by[who]:
            del self._used_by[who]


def reserve(scope: Scope, size: int) -> None:
    """Count bytes of the body of a request in its worker's budget."""
    scope["state"][BODY_BUDGET].reserve(scope, size)


def is_counted(scope: Scope) -> bool:
    """Return whether the body of a request is counted: it is large."""
    return _RESERVED in scope


async def parse_in_turn(scope: Scope, parse: Callable[[], T]) -> T:
    """Return the result of parsing a body that is counted. Such bodies are parsed one after the other."""
    async with scope["state"][BODY_BUDGET].parsing:
        await asyncio.sleep(0)
        return parse()


def release(scope: Scope) -> None:
    """Stop counting the body of a request, if it was counted."""
    if is_counted(scope):
        scope["state"][BODY_BUDGET].release(scope)


def owner_of(scope: Scope) -> Hashable:
    """Return whose request it is: the id of an account or a clinic; None if nobody is signed in."""
    owner: Hashable = scope.get("account_id", scope.get("clinic_id"))
    return owner


def _caller_of(scope: Scope) -> Hashable:
    owner = owner_of(scope)
    client: tuple[str, int] | None = scope["client"]
    return owner if owner is not None or client is None else client[0]
