"""The application in this process, for simulations of sync.

Requests reach the application without a socket, so thousands of them take seconds; everything else is real. The database
can be copied, restored from a copy as an operator does it, and purged.
"""

import asyncio
import shutil
from collections.abc import Coroutine
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import httpx2 as httpx
from starlette.types import Receive, Scope, Send

from app import clock
from app.identity.accounts import NewAccount, create_account
from app.identity.device_sessions import sign_in
from app.identity.tables import Role
from app.ids import new_id
from app.main import create_app
from app.records import purging, restoring
from app.services import Services
from app.settings import Settings
from tests.serving import password_hash
from tests.sync.device import Transport
from tests.sync.local_store import Json

T = TypeVar("T")


def database_of(url: str, name: str | None = None) -> str:
    """Return the name of a PostgreSQL URL's database; or, given a name, the URL of that database."""
    head, _, query = url.partition("?")
    start, _, own = head.rpartition("/")
    return own if name is None else f"{start}/{name}?{query}"


async def execute(url: str, sql: str) -> None:
    """Execute a statement on PostgreSQL outside a transaction."""
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


class Backend:
    """One server and its database."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; `open` starts the server."""
        self._url = settings.database_url
        self._is_sqlite = settings.uses_sqlite
        self._name = self._url.removeprefix("sqlite:///") if self._is_sqlite else database_of(self._url)
        self._app = create_app(settings)
        self._loop = asyncio.new_event_loop()
        self._running = AsyncExitStack()
        self.copies = 0

    @property
    def services(self) -> Services:
        """The application's services."""
        services: Services = self._app.state.services
        return services

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the application's loop."""
        return self._loop.run_until_complete(work)

    def open(self) -> None:
        """Start the server."""
        state = self.run(self._running.enter_async_context(self._app.router.lifespan_context(self._app)))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self._app({**scope, "state": state}, receive, send)  # as uvicorn does

        transport = httpx.ASGITransport(app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://world")
        self._running.push_async_callback(self._client.aclose)

    def close(self) -> None:
        """Stop the server."""
        self.run(self._running.aclose())

    def end(self) -> None:
        """Stop the server and close its loop."""
        self.close()
        self._loop.close()

    def new_account(self) -> UUID:
        """Create an account; return its id."""

        async def create() -> UUID | None:
            async with self.services.db.transaction() as tx:
                email = f"{new_id().hex}@example.com"
                new = NewAccount(email, password_hash(), "alice", "UTC", "en", Role.PERSON)
                return await create_account(tx, self.services.keyring, new)

        id = self.run(create())
        assert id is not None
        return id

    def sign_in(self, account: UUID) -> Transport:
        """Sign in a new device; return the function that sends its requests."""
        token = self.run(sign_in(self.services, account, "phone"))["access_token"]
        headers = {"Authorization": f"Bearer {token}"}

        def call(method: str, path: str, body: Json | None) -> tuple[int, Json]:
            response = self.run(self._client.request(method, path, json=body, headers=headers))
            assert response.status_code < 500, response.text
            return response.status_code, response.json()

        return call

    def without_failures(self) -> AbstractContextManager[None]:
        """Cause no failures until the block ends."""
        return nullcontext()

    def purge(self) -> None:
        """Purge all tombstones and all remembered operations, as if they were old."""
        tomorrow = clock.now() + timedelta(days=1)

        async def purged() -> None:
            for forgetting in (purging.purge, purging.purge_operations, purging.purge_versions):
                async for _ in forgetting(self.services.db, tomorrow):
                    pass

        self.run(purged())

    def copy_database(self) -> str:
        """Stop the server, copy the database, and start the server; return the name of the copy."""
        self.close()
        self.copies += 1
        name = f"{self._name}_copy{self.copies}"
        if self._is_sqlite:
            shutil.copyfile(self._name, name)
        else:
            self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{self._name}"')
        self.open()
        return name

    def restore(self, name: str) -> None:
        """Replace the database by a copy, as an operator restores a backup."""
        self.close()
        if self._is_sqlite:
            for suffix in ("", "-wal", "-shm"):
                Path(self._name + suffix).unlink(missing_ok=True)
            shutil.copyfile(name, self._name)
        else:
            self._administer(f'DROP DATABASE "{self._name}"')
            self._administer(f'CREATE DATABASE "{self._name}" TEMPLATE "{name}"')
        self.open()
        self.start_new_epochs()

    def start_new_epochs(self) -> None:
        """Start a new epoch in each feed, as `afterglow restored` does."""

        async def start() -> None:
            await restoring.start(self.services.db)
            async for _ in restoring.restored(self.services.db):
                pass

        self.run(start())

    def _administer(self, sql: str) -> None:
        self.run(execute(database_of(self._url, "postgres"), sql))
