"""Change notifications through PostgreSQL: LISTEN/NOTIFY fan-out, on one additional connection for each worker.

A writer only adds the owner's id to a set. A task sends the whole set in one statement, outside any transaction, so no
write waits for it and many writes share a round trip (decision 021). A lost connection is replaced, with increasing
pauses between attempts. Then all subscribers are woken, because notifications may have been missed. Behind a pooler a
process sends notifications but receives none: its subscribers find the changes of other processes at their next regular
read.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

from app import observability
from app.db.notifications import ChangeNotifier
from app.db.postgres.connecting import Connector
from app.db.postgres.failures import CONNECT_ERRORS
from app.settings import Settings

_CHANNEL: Final = "afterglow_feed"
_NOTIFY: Final = "SELECT pg_notify($1, owner) FROM unnest($2::text[]) owner"
_SESSION: Final = {"synchronous_commit": "off"}
"""The session settings of the connection. Notifications are not stored, so a commit does not wait for the disk."""
_MAX_IDLE_SECONDS: Final = 15.0
"""The time without traffic after which the connection is checked, by sending an empty list of owners."""
_SECONDS_BETWEEN_SENDS: Final = 0.02
"""The pause between two statements that send notifications, so that a busy worker sends many owners' ids in one."""
_MIN_RECONNECT_SECONDS: Final = 0.1
_MAX_RECONNECT_SECONDS: Final = 10.0


class PostgresChangeNotifier(ChangeNotifier):
    """Exchanges notifications with the other workers that use the same database."""

    def __init__(self, settings: Settings) -> None:
        """Open no connection yet: the first subscription or notification opens it."""
        super().__init__()
        self._connector = Connector(settings, "afterglow notifications", _SESSION)
        self._unsent: set[str] = set()
        self._has_unsent = asyncio.Event()

    def notify(self, owner_id: UUID) -> None:
        """Wake the owner's subscribers: at once in this process, within some milliseconds in others."""
        super().notify(owner_id)
        self._unsent.add(str(owner_id))
        self._has_unsent.set()
        self._start_listener()

    async def _listen(self) -> None:
        pause = _MIN_RECONNECT_SECONDS
        while True:
            try:
                async with self._connected() as connection:
                    pause = _MIN_RECONNECT_SECONDS
                    self._wake_all()
                    while True:
                        await self._send(connection)
            except CONNECT_ERRORS as error:
                observability.log_event("notifications-unavailable", error=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MAX_RECONNECT_SECONDS)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        connection = await self._connector.connect()
        try:
            if not self._connector.is_pooled:  # a pooler would assign the listening session to other clients
                await connection.add_listener(_CHANNEL, self._receive)
            connection.add_termination_listener(lambda _: self._has_unsent.set())  # `_send` then fails at once
            yield connection
        finally:
            connection.terminate()

    async def _send(self, connection: Any) -> None:
        """Wait until there are owners to notify, and send their ids in one statement.

        If there are none for `_MAX_IDLE_SECONDS`, send an empty list, which shows whether the connection still works.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_MAX_IDLE_SECONDS):
                await self._has_unsent.wait()
        self._has_unsent.clear()
        owners, self._unsent = self._unsent, set()
        try:
            await connection.fetch(_NOTIFY, _CHANNEL, [*owners])
        except BaseException:
            self._unsent |= owners
            raise
        await asyncio.sleep(_SECONDS_BETWEEN_SENDS)

    def _receive(self, connection: Any, pid: int, _channel: str, owner: str) -> None:
        if pid != connection.get_server_pid():  # this process has already woken its own subscribers
            self._wake(owner)
