"""Fixtures of all tests. Alice owns records; Bob must never see them; `anyone` has no token."""

import asyncio
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app import observability
from app.db import schema
from app.identity import passwords
from app.keyring import Keyring
from app.keyring.rotation import create_keyring, retire
from app.settings import MailBackend, Settings
from tests import postgres
from tests.browser import CHROMIUM
from tests.db.bouncer import PGBOUNCER
from tests.docs.nginx import NGINX
from tests.log_lines import LogHandler, private_lines
from tests.mailbox import Mailbox
from tests.serving import Person, Server, serving
from tests.witness import Client

DATABASES = ("sqlite", "postgresql")
REAL_HASHER, REAL_UNKNOWN_HASH = vars(passwords)["_hash"], passwords.UNKNOWN_HASH
SHARED_SERVER = pytest.StashKey[postgres.SharedServer]()

PROGRAMS = {
    "docs": ("Chromium", "chromium", CHROMIUM),
    "docs/test_below_a_path.py": ("nginx", "nginx", NGINX),
    "db/test_bouncer.py": ("PgBouncer", "pgbouncer", PGBOUNCER),
}
"""By tests: the program that they run, its Debian package, and its path, or None if it is not installed."""
MISSING = {tests: (name, package) for tests, (name, package, path) in PROGRAMS.items() if path is None}

collect_ignore = [*MISSING]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seeds and summaries of random tests, and which tests were not run."""
    reports = [each for outcome in ("passed", "failed") for each in terminalreporter.getreports(outcome)]
    for summary in (value for report in reports for name, value in report.user_properties if name == "summary"):
        terminalreporter.write_line(str(summary))
    if MISSING:
        terminalreporter.section("not run")
    for tests, (name, package) in MISSING.items():
        terminalreporter.write_line(f"tests/{tests}: {name} is not installed (apt-get install {package})")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests first that may take longest (`pytest.mark.timeout`), so that no worker waits for them at the end."""
    items.sort(key=lambda item: -max((mark.args[0] for mark in item.iter_markers("timeout")), default=0))


@pytest.fixture(scope="session")
def every_log_line() -> list[str]:
    """All lines that were logged in this process so far."""
    handler = LogHandler()
    observability.SINKS.append(handler.lines.append)
    logger = logging.getLogger("uvicorn")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return handler.lines


@pytest.fixture(autouse=True)
def no_private_text_in_logs(every_log_line: list[str]) -> Iterator[None]:
    """Fail a test during which a log line contained a person's text, an e-mail address or a token."""
    begin = len(every_log_line)
    yield
    assert not private_lines(every_log_line[begin:])


@pytest.fixture(scope="session", autouse=True)
def _cheap_password_hashes() -> Iterator[None]:
    """Hash passwords in this process at the lowest cost: a real hash takes a tenth of a second of CPU time."""
    hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hash", hasher)
        patch.setattr(passwords, "UNKNOWN_HASH", hasher.hash("wisteria"))
        yield


@pytest.fixture
def real_password_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords at the cost of production, for tests of the hashes, and of requests that overlap because of them."""
    monkeypatch.setattr(passwords, "_hash", REAL_HASHER)
    monkeypatch.setattr(passwords, "UNKNOWN_HASH", REAL_UNKNOWN_HASH)


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all workers of the run share; each worker's own folder is in it."""
    return factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let the process that controls the run hold its PostgreSQL."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        factory = getattr(session.config, "_tmp_path_factory", None)
        assert isinstance(factory, pytest.TempPathFactory)
        server = session.config.stash[SHARED_SERVER] = postgres.SharedServer(factory.getbasetemp())
        server.hold()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the PostgreSQL of the run, after its workers have ended."""
    if SHARED_SERVER in session.config.stash:
        session.config.stash[SHARED_SERVER].stop()


def _named(url: str, name: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


class Databases:
    """Creates databases. PostgreSQL is started when a test first needs one of its databases."""

    def __init__(self, server: postgres.SharedServer, folder: Path) -> None:
        self._server, self._folder = server, folder

    def fresh(self, kind: str, *, migrated: bool = True) -> str:
        """Return the URL of a new database."""
        return self._sqlite(migrated=migrated) if kind == "sqlite" else self._postgresql(migrated=migrated)

    def _sqlite(self, *, migrated: bool) -> str:
        path = self._folder / f"{uuid4().hex}.db"
        if migrated:
            template = self._folder / "template.db"
            if not template.exists():
                schema.migrate(f"sqlite:///{template}")
            shutil.copy(template, path)
        return f"sqlite:///{path}"

    def _postgresql(self, *, migrated: bool) -> str:
        url, name = self._server.url(), f"fresh_{uuid4().hex}"

        def migrate() -> str:
            template = f"template_{uuid4().hex}"
            asyncio.run(_execute(url, f'CREATE DATABASE "{template}"'))
            schema.migrate(_named(url, template))
            return template

        template = self._server.once("template", migrate) if migrated else "template1"
        asyncio.run(_execute(url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        return _named(url, name)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(postgres.SharedServer(shared_folder(tmp_path_factory)), tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyring with the current signing key, the next one, and a retired one."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    create_keyring(path, generated=False)
    retire(path, Keyring(path).current.kid)
    return path


class Servers:
    """Starts servers, each with its own database. They stop with the test that starts them, shared ones with `session`."""

    def __init__(self, databases: Databases, keyring: Path, mailbox: Mailbox, session: ExitStack) -> None:
        self._databases, self._keyring, self._mailbox, self._session = databases, keyring, mailbox, session
        self._stack = session
        self._shared: dict[str, Server] = {}

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """Stop the servers that are started in the block at its end; shared ones go on."""
        with ExitStack() as self._stack:
            yield
        self._stack = self._session

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
            "throttle_sign_in": 100_000,
            "throttle_mail": 100_000,
            "throttle_codes": 100_000,
            "exports_a_day": 1000,
            "throttle_calendar": 1000,
            "notices": ["e-mail-address"],
            "hash_seconds": 60,
            "pool_seconds": 10,
        }
        return Settings.model_validate(values | changes)

    def start(self, settings: Settings) -> Server:
        """Start a server."""
        return self._start(settings, self._stack)

    def _start(self, settings: Settings, stack: ExitStack) -> Server:
        return stack.enter_context(serving(settings, self._mailbox))

    def shared(self, kind: str, *, of: str = "", **changes: object) -> Server:
        """Return the server that all tests with these settings share, or those of one folder (`of`).

        Each test creates its own accounts.
        """
        key = repr((kind, of, changes))
        if key not in self._shared:
            self._shared[key] = self._start(self.settings(kind, **changes), self._session)
        return self._shared[key]


@pytest.fixture(scope="session")
def lasting_servers(
    databases: Databases, keyring: Path, mailbox: Mailbox, every_log_line: list[str]
) -> Iterator[Servers]:
    """Servers that run until the tests end."""
    assert every_log_line is not None
    with ExitStack() as stack:
        yield Servers(databases, keyring, mailbox, stack)


@pytest.fixture
def servers(lasting_servers: Servers) -> Iterator[Servers]:
    """Servers that stop with the test; shared ones run until the tests end."""
    with lasting_servers.stopping():
        yield lasting_servers


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database; each test with this fixture runs on both."""
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
