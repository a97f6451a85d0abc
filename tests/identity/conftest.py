"""What the tests of the gate share: a line to the server, and several processes on one database."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.keyring.rotation import create_keyring
from tests.conftest import Servers
from tests.hostile.raw import Line
from tests.house.starting import started_server
from tests.serving import Server

AFTERGLOW = str(Path(sys.executable).with_name("afterglow"))
PROCESSES = 4


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    with Line(server.address) as line:
        yield line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a keyring of the test's own."""
    found = tmp_path / "keys.json"
    create_keyring(found, generated=False)
    return found


@pytest.fixture
def own_server(servers: Servers, path: Path) -> Iterator[Server]:
    """A server with that keyring."""
    server = servers.start(servers.settings("sqlite", keyring=path))
    yield server
    server.end_test()


@dataclass(frozen=True)
class Fleet:
    """Processes that serve one PostgreSQL with one keyring, and a server in this process that makes people for them."""

    server: Server
    urls: list[str]
    keyring: Path

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where raw sockets connect to."""
        parts = [url.removeprefix("http://").partition(":") for url in self.urls]
        return [(host, int(port)) for host, _, port in parts]


@pytest.fixture(scope="session")
def whole_fleet(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    keyring = tmp_path_factory.mktemp("fleet") / "keys.json"
    create_keyring(keyring, generated=False)
    settings = servers.settings("postgresql", keyring=keyring, throttle_account=5, throttle_account_day=20)
    differing = ("database_url", "keyring", "throttle_client", "hash_seconds", "pool_seconds")
    environment = {f"AFTERGLOW_{name.upper()}": str(getattr(settings, name)) for name in differing}
    folders = [tmp_path_factory.mktemp("process") for _ in range(PROCESSES)]
    with ExitStack() as stack, ThreadPoolExecutor(PROCESSES) as threads:
        processes = [started_server([AFTERGLOW, "serve"], folder, **environment) for folder in folders]
        urls = list(threads.map(stack.enter_context, processes))
        yield Fleet(servers.start(settings), urls, keyring)


@pytest.fixture
def fleet(whole_fleet: Fleet) -> Iterator[Fleet]:
    yield whole_fleet
    whole_fleet.server.end_test()
