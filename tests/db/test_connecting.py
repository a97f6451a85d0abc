"""Connecting to PostgreSQL: several hosts, roles of servers, TLS, settings of administrators, and limits of a role."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.db import Database, Statement
from app.db.database import PoolUse
from app.db.postgres.pool import Pool
from app.db.readiness import find_failure
from app.problems import Failure
from app.settings import Settings
from tests.conftest import Databases, Servers
from tests.db.helpers import with_database
from tests.db.test_pool import a_few_turns, with_pool
from tests.drafts import draft_of, resource_of
from tests.refusals import refused

REFLECTIONS = resource_of("reflections")


def setting(name: str) -> Statement:
    """Return the statement that reads a setting of the session."""
    return Statement(sa.select(sa.func.current_setting(name, type_=sa.String).label("value")))


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.fresh("postgresql")


def value_of(url: str, name: str) -> str:
    """Return a setting of the sessions of the URL."""

    async def read(db: Database) -> str:
        return str((await db.only(setting(name)))["value"])

    return with_database(Settings(database_url=url), read)


def failure_of(url: str) -> Failure | None:
    """Return why the database of the URL cannot serve."""
    return with_database(Settings(database_url=url), find_failure)


def administer(url: str, sql: str) -> None:
    """Execute SQL as the administrator."""

    async def execute() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(sql)
        await connection.close()

    asyncio.run(execute())


def with_hosts(url: str, *hosts: str, **parameters: str) -> str:
    """Return the URL with other hosts; an empty one stands for its own."""
    parts = urlsplit(url)
    own = parse_qs(parts.query)["host"][0]
    named = ",".join(host or own for host in hosts)
    others = "".join(f"&{name}={value}" for name, value in parameters.items())
    return f"postgresql://postgres@{parts.path}?host={named}{others}"


def test_the_next_host_is_tried_if_one_cannot_be_reached(url: str) -> None:
    assert failure_of(with_hosts(url, "/nowhere", "", port="5432")) is None
    failure = failure_of(with_hosts(url, "/nowhere", "/nowhere/else"))
    assert failure is not None
    assert failure.reason == "unreachable"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [("any", None), ("read-write", None), ("primary", None), ("prefer-standby", None), ("standby", "no-such-server")],
)
def test_a_host_has_to_have_the_attributes_that_the_url_names(url: str, attributes: str, reason: str | None) -> None:
    failure = failure_of(with_hosts(url, "", target_session_attrs=attributes))
    assert (failure and failure.reason) == reason


def test_the_url_names_the_connections_and_their_options(url: str) -> None:
    named = with_hosts(url, "", application_name="wisteria", options="-c%20geqo%3Doff")
    assert value_of(named, "application_name") == "wisteria"
    assert value_of(named, "geqo") == "off"
    assert value_of(url, "application_name") == "afterglow"


def test_tls_with_the_certificates_of_the_system_is_required_if_the_url_says_so() -> None:
    failure = failure_of("postgresql://postgres@127.0.0.1:1/nothing?sslrootcert=system")
    assert failure is not None
    assert failure.reason == "refused"


def test_a_client_certificate_is_used_with_the_certificates_of_the_system(tmp_path: Path) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    (tmp_path / "a.crt").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (tmp_path / "a.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files = f"sslcert={tmp_path}/a.crt&sslkey={tmp_path}/a.key"
    failure = failure_of(f"postgresql://postgres@127.0.0.1:1/nothing?sslrootcert=system&{files}")
    assert failure is not None
    assert failure.reason == "refused"


def test_a_default_isolation_of_the_administrator_does_not_matter(url: str) -> None:
    database = urlsplit(url).path.removeprefix("/")
    administer(url, f"ALTER DATABASE \"{database}\" SET default_transaction_isolation = 'serializable'")
    assert value_of(url, "transaction_isolation") == "read committed"


def test_a_database_that_became_read_only_is_not_ready_and_refuses_writes(url: str, servers: Servers) -> None:
    server = servers.start(servers.settings("", database_url=url, database_pool=1))
    person = server.person()
    draft = draft_of(REFLECTIONS)
    assert person.client.post("/v1/reflections", json=draft).status_code == 201
    database = urlsplit(url).path.removeprefix("/")
    administer(url, f'ALTER DATABASE "{database}" SET default_transaction_read_only = on')
    administer(
        url,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()",  # noqa: S608 - the tests' own database
    )
    for _ in range(3):  # the first one may still use an ended connection
        ready = server.anyone.get("/readyz")
    assert (ready.status_code, ready.json()["cause"], ready.json()["sqlstate"]) == (503, "read-only", "25006")
    refused(person.client.post("/v1/reflections", json=draft_of(REFLECTIONS)), 503, "unavailable")
    assert person.client.get(f"/v1/reflections/{draft['id']}").json()["body"] == draft["body"]
    server.end_test()


def test_callers_wait_their_turn_if_the_role_may_have_fewer_connections_than_the_pool(
    url: str, servers: Servers
) -> None:
    role = urlsplit(url).path.removeprefix("/fresh_")
    administer(url, f'CREATE ROLE "few_{role}" LOGIN SUPERUSER')
    administer(url, f'ALTER ROLE "few_{role}" NOSUPERUSER CONNECTION LIMIT 3')
    administer(url, f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "few_{role}"')
    limited = with_hosts(url, "").replace("postgres@", f"few_{role}@")
    server = servers.start(servers.settings("", database_url=limited, database_pool=8))
    person = server.person()

    async def read(db: Database) -> list[object]:
        return await asyncio.gather(*(db.one(setting("transaction_isolation")) for _ in range(200)))

    assert len(server.run(read(server.db))) == 200
    assert person.client.get("/v1/reflections").status_code == 200
    server.end_test()


def test_without_any_connection_the_cause_is_the_number_of_connections(url: str) -> None:
    role = urlsplit(url).path.removeprefix("/fresh_")
    administer(url, f'CREATE ROLE "none_{role}" LOGIN CONNECTION LIMIT 0')
    refused_url = with_hosts(url, "").replace("postgres@", f"none_{role}@")

    failure = with_database(Settings(database_url=refused_url, pool_seconds=1), find_failure)
    assert failure is not None
    assert (failure.reason, failure.sqlstate) == ("too-many-connections", "53300")


def test_attempts_to_connect_end_when_no_caller_waits(url: str) -> None:
    role = urlsplit(url).path.removeprefix("/fresh_")
    administer(url, f'CREATE ROLE "none_{role}" LOGIN CONNECTION LIMIT 0')
    refused_url = with_hosts(url, "").replace("postgres@", f"none_{role}@")

    async def work(pool: Pool) -> None:
        for _ in range(2):
            waiting = asyncio.create_task(pool.acquire())
            while not vars(pool)["_refused"]:
                await a_few_turns()
            waiting.cancel()
            await asyncio.wait({waiting, *vars(pool)["_connecting"]})
            vars(pool)["_refused"] = False
            assert pool.use == PoolUse(1, 0, 0)

    with_pool(Settings(database_url=refused_url), work)


def test_behind_a_pooler_nothing_is_set_in_a_session(
    url: str, monkeypatch: pytest.MonkeyPatch, every_log_line: list[str]
) -> None:
    """A server process with another id than the startup announced shows a pooler."""
    assert value_of(url, "enable_hashjoin") == "off"
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _self: 0)
    begin = len(every_log_line)
    assert value_of(url, "enable_hashjoin") == "on"
    assert any("pooler-found" in line for line in every_log_line[begin:])
    assert value_of(f"{url}&pool_mode=session", "enable_hashjoin") == "off"


def test_behind_a_pooler_a_long_poll_still_answers(url: str, servers: Servers) -> None:
    server = servers.start(servers.settings("", database_url=f"{url}&pool_mode=transaction"))
    person = server.person()
    cursor = person.client.get("/v1/sync/changes").json()["cursor"]
    page = person.client.get("/v1/sync/changes", params={"since": cursor, "wait": 1}).json()
    assert page["changes"] == []
    assert person.client.post("/v1/reflections", json=draft_of(REFLECTIONS)).status_code == 201
    assert len(person.client.get("/v1/sync/changes", params={"since": cursor}).json()["changes"]) == 1
    server.end_test()
