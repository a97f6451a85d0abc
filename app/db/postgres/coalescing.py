"""Request coalescing: executions of the same statement in one turn of the event loop are sent as one statement.

The first caller yields to the event loop once and waits for a connection. Then it executes the statement for all
callers that joined in the meantime. Coalescing saves time, because sending and receiving are a third of the
server's cost of a read, and because coalesced writes need only one commit to the disk (decision 032).
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple, TypeVar, cast

from app.problems import Unavailable

MAX_BATCH: Final = 32
"""The maximum number of callers that share a statement.

All results arrive together, so a larger batch delays every caller.
"""
Statement = TypeVar("Statement", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")


class Batch(NamedTuple):
    """The items of several callers that will be sent as one statement, and a future for each caller except the first.

    An item is what one caller wants to look up or write.
    """

    items: list[Any]
    others: list[asyncio.Future[Any]]

    def add(self, item: Any) -> asyncio.Future[Any]:
        """Add a caller's item; return a future that will have the item's result.

        The caller awaits the future without assigning it to a local variable. Otherwise, after an error, the traceback,
        the frame with the variable and the future would form a reference cycle, which would keep the caller's data in
        memory.
        """
        self.items.append(item)
        self.others.append(asyncio.get_running_loop().create_future())
        return self.others[-1]

    def fail(self, error: BaseException) -> None:
        """Raise `error` in every caller that still waits, except the first caller.

        If the first caller was cancelled, raise `Unavailable` in the others.
        """
        while self.others:
            other = self.others.pop()
            if not other.done():
                other.set_exception(error if isinstance(error, Exception) else Unavailable())


class Coalescer:
    """Collects the executions of a statement into batches, and sends each batch as one statement."""

    def __init__(self, acquire: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        """`acquire` returns a context manager that acquires a connection for a block."""
        self._acquire = acquire
        self._batches: dict[Hashable, Batch] = {}

    async def submit(
        self,
        execute: Callable[[Any, Statement, list[Item]], Awaitable[list[Result]]],
        statement: Statement,
        item: Item,
    ) -> Result:
        """Execute a statement for an item, together with the items of other callers; return this item's result.

        `execute` takes a connection, the statement and the items, and returns a result for each item. If `execute`
        raises an error, the error is raised in every caller of the batch.
        """
        batch = self._batches.get(statement)
        if batch is not None and len(batch.items) < MAX_BATCH:
            return cast("Result", await batch.add(item))
        batch = self._batches[statement] = Batch([item], [])
        try:
            await asyncio.sleep(0)
            async with self._acquire() as connection:
                self._close(statement, batch)
                mine, *theirs = await execute(connection, statement, batch.items)
        except BaseException as error:
            self._close(statement, batch)
            batch.fail(error)
            raise
        for other, result in zip(batch.others, theirs, strict=True):
            if not other.done():
                other.set_result(result)
        return mine

    def _close(self, statement: Hashable, batch: Batch) -> None:
        """Close the batch, so that no further caller can join it."""
        if self._batches.get(statement) is batch:
            del self._batches[statement]
