"""Fixtures of the tests of identity: a raw connection, and several processes on one database."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.keyring.rotation import create_keyring
from tests.conftest import Servers
from tests.hostile.raw import RawConnection
from tests.house.starting import started_server
from tests.serving import Server

AFTERGLOW = str(Path(sys.executable).with_name("afterglow"))
PROCESSES = 4


@pytest.fixture
def connection(server: Server) -> Iterator[RawConnection]:
    with RawConnection(server.address) as connection:
        yield connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a new keyring."""
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
class Cluster:
    """Processes that serve one PostgreSQL with one keyring, and a server in this process that creates accounts."""

    server: Server
    urls: list[str]
    keyring: Path

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The addresses of the processes."""
        parts = [url.removeprefix("http://").partition(":") for url in self.urls]
        return [(host, int(port)) for host, _, port in parts]


@pytest.fixture(scope="session")
def shared_cluster(lasting_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    keyring = tmp_path_factory.mktemp("cluster") / "keys.json"
    create_keyring(keyring, generated=False)
    settings = lasting_servers.settings("postgresql", keyring=keyring, throttle_account=5, throttle_account_day=20)
    limits = ("throttle_client", "throttle_sign_in", "throttle_mail")
    differing = ("database_url", "keyring", *limits, "hash_seconds", "pool_seconds")
    environment = {f"AFTERGLOW_{name.upper()}": str(getattr(settings, name)) for name in differing}
    folders = [tmp_path_factory.mktemp("process") for _ in range(PROCESSES)]
    with ExitStack() as stack, ThreadPoolExecutor(PROCESSES) as threads:
        processes = [started_server([AFTERGLOW, "serve"], folder, **environment) for folder in folders]
        urls = list(threads.map(stack.enter_context, processes))
        yield Cluster(lasting_servers.start(settings), urls, keyring)


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Iterator[Cluster]:
    yield shared_cluster
    shared_cluster.server.end_test()
