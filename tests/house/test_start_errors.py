"""Commands against a PostgreSQL that refuses them: each names the cause and the remedy, without a secret.

`serve`, `migrate` and `account list` print the same line and end with the same status.
"""

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.db.guarded_postgres import PASSWORD, Guarded, guarded_postgres
from tests.house.commands import AFTERGLOW, SECONDS, Result, afterglow, running_server, terminate
from tests.house.starting import free_port
from tests.waiting import wait_until

COMMANDS = ["serve", "migrate", "account list"]
NOT_TRUSTED = (
    "the certificate of PostgreSQL is not trusted, or is for another host: set sslrootcert to its certificate authority's "
    "file and use the certificate's host name in AFTERGLOW_DATABASE_URL"
)
WRONG_PASSWORD = "PostgreSQL refused the user or the password in AFTERGLOW_DATABASE_URL: correct it"
NOT_ADMITTED = (
    "PostgreSQL does not admit the user in AFTERGLOW_DATABASE_URL: create the role with LOGIN, and admit it in pg_hba.conf, "
    "which may also require TLS (sslmode=require)"
)
NO_PERMISSION = (
    "the database's user lacks a permission: grant it CONNECT on the database, USAGE and CREATE on the schema, and all "
    "privileges on the tables"
)
NO_ROOT_CERTIFICATE = (
    "the TLS parameters in AFTERGLOW_DATABASE_URL cannot be used: sslmode=verify-ca and verify-full need sslrootcert, the "
    "file of the certificate authority (or sslrootcert=system with verify-full)"
)
REFUSED_OPTIONS = (
    "PostgreSQL refused the parameter options in AFTERGLOW_DATABASE_URL: it must be -c NAME=VALUE, percent-encoded "
    "(-c%20NAME%3DVALUE), with a setting that exists and that the user may set, and with a valid value"
)
IMPOSSIBLE_NAME = (
    "invalid settings:\n- AFTERGLOW_DATABASE_URL has a host name with an empty part, or one of more than 63 characters: "
    "correct it"
)
UNREADABLE = (
    "invalid settings:\n- AFTERGLOW_DATABASE_URL has the parameter sslrootcert with a file that cannot be read (No such "
    "file or directory): /nowhere/ca.pem"
)
FAULTS: dict[str, tuple[Callable[[Guarded], str], str, int]] = {
    "wrong password": (lambda it: it.url(password="wisteria"), WRONG_PASSWORD, 78),
    "no such role": (lambda it: it.url(user="nobody"), WRONG_PASSWORD, 78),
    "not in pg_hba.conf": (lambda it: it.url(user="locked"), NOT_ADMITTED, 78),
    "no LOGIN": (lambda it: it.url(user="nologin"), NOT_ADMITTED, 78),
    "no TLS, which the server asks for": (lambda it: it.url(sslmode="disable"), NOT_ADMITTED, 78),
    "no such database": (
        lambda it: it.url(database="wisteria"),
        "the database named in AFTERGLOW_DATABASE_URL does not exist: create it, or correct the name",
        78,
    ),
    "no CONNECT": (lambda it: it.url(database="closed"), NO_PERMISSION, 78),
    "a database that accepts no connections": (
        lambda it: it.url(database="shut"),
        "PostgreSQL reported an error: its log names the cause",
        1,
    ),
    "unknown host": (
        lambda it: it.url(host="wisteria.invalid"),
        "the host name in AFTERGLOW_DATABASE_URL cannot be resolved: correct it, or check the DNS",
        78,
    ),
    "refused": (
        lambda it: it.url(host="127.0.0.1", port=1),
        "nothing listens on the host and port in AFTERGLOW_DATABASE_URL: start PostgreSQL, or correct them",
        1,
    ),
    "no host with the role": (
        lambda it: it.url(target_session_attrs="standby"),
        "no host in AFTERGLOW_DATABASE_URL has the role that its target_session_attrs requires: add the host that has it",
        1,
    ),
    "a host name that cannot be": (
        lambda it: it.url(host="wisteria..example"),
        IMPOSSIBLE_NAME,
        78,
    ),
    "options with an unknown setting": (lambda it: it.url(options="-c%20wisteria%3D1"), REFUSED_OPTIONS, 78),
    "options with an invalid value": (lambda it: it.url(options="-c%20work_mem%3Dwisteria"), REFUSED_OPTIONS, 78),
    "options with a setting of the server": (lambda it: it.url(options="-c%20port%3D1"), REFUSED_OPTIONS, 78),
    "options with a setting of superusers": (
        lambda it: it.url(options="-c%20log_statement%3Dall"),
        REFUSED_OPTIONS,
        78,
    ),
    "options that are none": (lambda it: it.url(options="wisteria"), REFUSED_OPTIONS, 78),
    "verify-ca, another authority": (
        lambda it: it.url(sslmode="verify-ca", sslrootcert=it.stranger.file),
        NOT_TRUSTED,
        78,
    ),
    "require, another authority": (lambda it: it.url(sslrootcert=it.stranger.file), NOT_TRUSTED, 78),
    "verify-full, the system's authorities": (
        lambda it: it.url(sslmode="verify-full", sslrootcert="system"),
        NOT_TRUSTED,
        78,
    ),
    "verify-full, another host": (
        lambda it: it.url(sslmode="verify-full", sslrootcert=it.authority.file, host=it.other_address),
        NOT_TRUSTED,
        78,
    ),
    "verify-full without sslrootcert": (
        lambda it: it.url(sslmode="verify-full"),
        NO_ROOT_CERTIFICATE,
        78,
    ),
    "sslrootcert is missing": (
        lambda it: it.url(sslmode="verify-ca", sslrootcert="/nowhere/ca.pem"),
        UNREADABLE,
        78,
    ),
    "sslrootcert is no certificate": (
        lambda it: it.url(sslmode="verify-ca", sslrootcert="/etc/hostname"),
        "the TLS connection to PostgreSQL failed: check sslmode, sslrootcert, sslcert and sslkey in AFTERGLOW_DATABASE_URL",
        78,
    ),
}
"""The URL, the line and the exit status of each fault."""

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    with guarded_postgres() as server:
        server.execute(
            "CREATE ROLE locked LOGIN",
            f"CREATE ROLE nologin NOLOGIN PASSWORD '{PASSWORD}'",
            f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'",
            "CREATE DATABASE closed",
            "CREATE DATABASE shut ALLOW_CONNECTIONS false",
            "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
        )
        yield server


def serve(url: str) -> Result:
    """Run `afterglow serve`, which is expected to end by itself, in a new process."""
    done = subprocess.run(
        [AFTERGLOW, "serve", "--port", str(free_port())],
        env=os.environ | {"AFTERGLOW_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def assert_refused(command: str, url: str, line: str, status: int) -> None:
    """Check that a command prints only this line, and no secret, and ends with the status."""
    result = serve(url) if command == "serve" else afterglow(*command.split(), database_url=url)
    shown = [each for each in result.err.splitlines() if not each.startswith("{")]  # without log lines
    assert "\n".join(shown) == f"afterglow: {line}"
    assert result.out == ""
    assert result.status == status
    assert PASSWORD not in result.err
    assert url not in result.err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_remedy(guarded: Guarded, fault: str, command: str) -> None:
    url_of, line, status = FAULTS[fault]
    assert_refused(command, url_of(guarded), line, status)


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_role_that_may_not_create_tables_is_named(guarded: Guarded, command: str) -> None:
    assert_refused(command, guarded.url(user="reader"), NO_PERMISSION, 78)


def test_a_database_that_is_not_migrated_is_named(guarded: Guarded) -> None:
    line = "the database has not been migrated to this version: run `afterglow migrate`"
    assert_refused("account list", guarded.url(user="reader"), line, 78)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_offers_no_tls_is_named(guarded: Guarded, command: str) -> None:
    guarded.execute("ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()")
    try:
        line = "PostgreSQL does not offer TLS, which sslmode in AFTERGLOW_DATABASE_URL requires: set it up, or use sslmode=prefer"
        assert_refused(command, guarded.url(), line, 78)
    finally:
        guarded.execute("ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-ca", "verify-full"])
def test_a_verified_connection_migrates_and_serves(guarded: Guarded, mode: str) -> None:
    guarded.execute(f'CREATE DATABASE "{mode}" OWNER afterglow')
    url = guarded.url(database=mode, sslmode=mode, sslrootcert=guarded.authority.file)
    assert afterglow("migrate", database_url=url).status == 0
    assert afterglow("account", "list", database_url=url).status == 0
    with running_server(database_url=url) as (_, process):
        wait_until(lambda: guarded.is_encrypted(database=mode), SECONDS)
        assert terminate(process).status == 0


def test_a_role_without_privileges_on_the_tables_is_named(guarded: Guarded) -> None:
    guarded.execute("CREATE DATABASE granted OWNER afterglow")
    assert afterglow("migrate", database_url=guarded.url(database="granted")).status == 0
    assert_refused("account list", guarded.url(user="reader", database="granted"), NO_PERMISSION, 78)
    assert_refused("serve", guarded.url(user="reader", database="granted"), NO_PERMISSION, 78)
