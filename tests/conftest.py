"""Who and what every test can ask for. Alice owns; Bob must never see; `anyone` has no token."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from app import observability
from app.db import schema
from app.keyring import Keyring
from app.keyring.rotation import create_keyring, retire
from app.settings import MailBackend, Settings
from tests import postgres
from tests.browser import CHROMIUM
from tests.lines import Lines, telling
from tests.mailbox import Mailbox
from tests.serving import Person, Server, serving
from tests.witness import Client

DATABASES = ("sqlite", "postgresql")

collect_ignore = [] if CHROMIUM else ["house/test_docs_page.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly what was not run, and what tests have to say: seeds, and what was tried."""
    reports = [each for outcome in ("passed", "failed") for each in terminalreporter.getreports(outcome)]
    for said in (value for report in reports for name, value in report.user_properties if name == "said"):
        terminalreporter.write_line(str(said))
    if CHROMIUM is None:
        terminalreporter.section("not run")
        terminalreporter.write_line(
            "tests/house/test_docs_page.py: there is no Chromium here (apt-get install chromium)"
        )


@pytest.fixture(scope="session")
def every_log_line() -> list[str]:
    handler = Lines()
    observability.SINKS.append(handler.lines.append)
    logger = logging.getLogger("uvicorn")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return handler.lines


@pytest.fixture(autouse=True)
def no_written_word_in_a_log_line(every_log_line: list[str]) -> Iterator[None]:
    begin = len(every_log_line)
    yield
    assert not telling(every_log_line[begin:])


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with postgres.running() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """The name of a migrated database, to make fresh ones from."""
    name = f"template_{uuid4().hex}"
    asyncio.run(_execute(postgres_server, f'CREATE DATABASE "{name}"'))
    schema.migrate(_named(postgres_server, name))
    return name


def _named(url: str, name: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


class Databases:
    """Makes fresh databases."""

    def __init__(self, server: str, template: str, folder: Path) -> None:
        self._server, self._template, self._folder = server, template, folder

    def fresh(self, kind: str, *, migrated: bool = True) -> str:
        """Return the URL of a database of its own."""
        if kind == "sqlite":
            url = f"sqlite:///{self._folder / uuid4().hex}.db"
            if migrated:
                schema.migrate(url)
            return url
        name, template = f"fresh_{uuid4().hex}", self._template if migrated else "template1"
        asyncio.run(_execute(self._server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        return _named(self._server, name)


@pytest.fixture(scope="session")
def databases(postgres_server: str, migrated_postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(postgres_server, migrated_postgres, tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyring with a key that signs, one that comes next, and one that is not believed any more."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    create_keyring(path, generated=False)
    retire(path, Keyring(path).current.kid)
    return path


class Servers:
    """Starts servers, each on a database of its own, and keeps them until the tests end."""

    def __init__(self, databases: Databases, keyring: Path, mailbox: Mailbox, stack: ExitStack) -> None:
        self._databases, self._keyring, self._mailbox, self._stack = databases, keyring, mailbox, stack
        self._shared: dict[str, Server] = {}

    def settings(self, kind: str, **changes: object) -> Settings:
        """Return settings for a server on a fresh database."""
        values: dict[str, object] = {
            "database_url": self._databases.fresh(kind) if "database_url" not in changes else "",
            "keyring": self._keyring,
            "mail": MailBackend.SMTP,
            "smtp_host": "127.0.0.1",
            "smtp_port": self._mailbox.port,
            "smtp_starttls": False,
            "throttle_account": 1000,
            "throttle_account_day": 1000,
            "throttle_client": 100_000,
            "hash_seconds": 60,
            "pool_seconds": 10,
        }
        return Settings.model_validate(values | changes)

    def start(self, settings: Settings) -> Server:
        """Start a server."""
        return self._stack.enter_context(serving(settings, self._mailbox))

    def shared(self, kind: str, **changes: object) -> Server:
        """Return the server that tests of these settings share: people in it never meet."""
        key = repr((kind, changes))
        if key not in self._shared:
            self._shared[key] = self.start(self.settings(kind, **changes))
        return self._shared[key]


@pytest.fixture(scope="session")
def servers(databases: Databases, keyring: Path, mailbox: Mailbox, every_log_line: list[str]) -> Iterator[Servers]:
    assert every_log_line is not None
    with ExitStack() as stack:
        yield Servers(databases, keyring, mailbox, stack)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database that the test runs on: every test that asks runs on both."""
    return str(request.param)


@pytest.fixture
def server(servers: Servers, database: str) -> Iterator[Server]:
    shared = servers.shared(database)
    yield shared
    shared.end_test()


@pytest.fixture
def alice(server: Server) -> Person:
    return server.person("alice", "Europe/Berlin")


@pytest.fixture
def bob(server: Server) -> Person:
    return server.person("bob")


@pytest.fixture
def anyone(server: Server) -> Client:
    return server.anyone
