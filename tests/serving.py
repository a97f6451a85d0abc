"""A server for the tests: the application under uvicorn, on a socket, in a thread."""

import asyncio
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import uvicorn
from starlette.types import ASGIApp

from app.db import Database
from app.identity.accounts import NewAccount, create_account
from app.identity.device_sessions import sign_in
from app.identity.passwords import hashed_now
from app.identity.tables import Role
from app.ids import new_id
from app.main import create_app
from app.server.protocol import LimitedProtocol
from app.services import Services
from app.settings import Settings
from tests.mailbox import Mailbox
from tests.witness import Client

T = TypeVar("T")
Address = tuple[str, int]
PASSWORD = "a lantern by the door"


@cache
def password_hash() -> str:
    """Return the hash of `PASSWORD`, which all people of the tests have."""
    return hashed_now(PASSWORD)


SECONDS = 30


@dataclass
class Person:
    """A person with an account, signed in on a device."""

    id: UUID
    email: str
    tokens: dict[str, Any]
    client: Client
    server: "Server"

    @property
    def token(self) -> str:
        """The access token."""
        return str(self.tokens["access_token"])


class Server:
    """A running server, with access to its database and its loop."""

    def __init__(
        self, settings: Settings, url: str, loop: asyncio.AbstractEventLoop, services: Services, mailbox: Mailbox
    ) -> None:
        self.settings, self.url, self.services, self.mailbox = settings, url, services, mailbox
        self._loop = loop
        self.anyone = Client(url)
        self._clients: list[Client] = []

    @property
    def db(self) -> Database:
        """The server's database."""
        return self.services.db

    @property
    def address(self) -> Address:
        """The host and port of the server."""
        return address_of(self.url)

    def begin(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop; return its result."""
        return self.begin(work).result(SECONDS)

    def person(self, name: str = "person", timezone: str = "UTC", role: Role = Role.PERSON) -> Person:
        """Return a new person, verified and signed in."""
        email = f"{name}.{new_id().hex}@example.com"

        async def create() -> tuple[UUID, dict[str, Any]]:
            async with self.db.transaction() as tx:
                id = await create_account(
                    tx, self.services.keyring, NewAccount(email, password_hash(), name, timezone, "en", role)
                )
            assert id is not None
            return id, await sign_in(self.services, id, "phone")

        id, tokens = self.run(create())
        return Person(id, email, tokens, self.client(tokens["access_token"]), self)

    def on_another_device(self, person: Person) -> Person:
        """Return the same person, signed in on another device."""
        tokens = self.run(sign_in(self.services, person.id, "tablet"))
        return replace(person, tokens=tokens, client=self.client(tokens["access_token"]))

    def client(self, token: str | None = None, address: str | None = None) -> Client:
        """Return a client that is closed at the end of the test; it connects from an IP address of this machine."""
        client = Client(self.url, token, address)
        self._clients.append(client)
        return client

    def end_test(self) -> None:
        """Close the test's clients."""
        while self._clients:
            self._clients.pop().close()

    def close(self) -> None:
        """Close every client."""
        self.end_test()
        self.anyone.close()


def address_of(url: str) -> Address:
    """Return the host and port of a URL."""
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


@contextmanager
def listening(app: ASGIApp, **options: Any) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """Run an application under uvicorn, with the server's protocol, until the block ends; yield its URL and its loop."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, http=LimitedProtocol, ws="none", **options
    )
    server = uvicorn.Server(config)
    # asyncio sets TCP_NODELAY only if the protocol is IPPROTO_TCP
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        loops: list[asyncio.AbstractEventLoop] = []

        async def serve() -> None:
            loops.append(asyncio.get_running_loop())
            await server.serve([listener])

        thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        deadline = time.monotonic() + SECONDS
        while not server.started:
            assert time.monotonic() < deadline
            assert thread.is_alive()
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", loops[0]
        finally:
            server.should_exit = True
            thread.join(SECONDS)


@contextmanager
def serving(settings: Settings, mailbox: Mailbox) -> Iterator[Server]:
    """Serve on a free port until the block ends."""
    app = create_app(settings)
    with listening(app) as (url, loop), closing(Server(settings, url, loop, app.state.services, mailbox)) as server:
        yield server
