"""Journeys: what is asked of PostgreSQL in the same moment, by the same statement, makes one journey together.

Whoever asks first waits until the loop has heard what else came with it, and for a connection; then it asks for all who
joined meanwhile. A journey costs the server a third of a read, and writes that travel together reach the disk by one
commit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple, TypeVar, cast

from app.problems import Unavailable

MAX_BATCH: Final = 32
"""How many travel together at most: the first is told no sooner than the last."""
Statement = TypeVar("Statement", bound=Hashable)
Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Batch(NamedTuple):
    """Who travel together: what each asks, and where all but the first are told."""

    items: list[Any]
    others: list[asyncio.Future[Any]]

    def add(self, items: Any) -> asyncio.Future[Any]:
        """Return where somebody else is told. No frame that an error goes through may know the place: it would hold it in
        a circle, with all that was asked.
        """
        self.items.append(items)
        self.others.append(asyncio.get_running_loop().create_future())
        return self.others[-1]

    def fail(self, error: BaseException) -> None:
        """Tell all who are still waiting."""
        while self.others:
            other = self.others.pop()
            if not other.done():
                other.set_exception(error if isinstance(error, Exception) else Unavailable())


class Coalescer:
    """The journeys that are about to begin."""

    def __init__(self, lease: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        """Take where connections come from."""
        self._lease = lease
        self._lines: dict[Hashable, Batch] = {}

    async def submit(
        self,
        carry_out: Callable[[Any, Statement, list[Asked]], Awaitable[list[Told]]],
        statement: Statement,
        items: Asked,
    ) -> Told:
        """Ask something by a statement; return what `carry_out` tells in its place, or raise what it raises."""
        batch = self._lines.get(statement)
        if batch is not None and len(batch.items) < MAX_BATCH:
            return cast("Told", await batch.add(items))
        batch = self._lines[statement] = Batch([items], [])
        try:
            await asyncio.sleep(0)
            async with self._lease() as connection:
                self._depart(statement, batch)
                mine, *theirs = await carry_out(connection, statement, batch.items)
        except BaseException as error:
            self._depart(statement, batch)
            batch.fail(error)
            raise
        for other, each in zip(batch.others, theirs, strict=True):
            if not other.done():
                other.set_result(each)
        return mine

    def _depart(self, statement: Hashable, batch: Batch) -> None:
        """Let nobody else join."""
        if self._lines.get(statement) is batch:
            del self._lines[statement]
