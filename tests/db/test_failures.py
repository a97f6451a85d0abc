"""Why a database cannot be used: each error of a driver has a cause and a remedy, without what the server said."""

import socket
import sqlite3
import ssl

import asyncpg
import pytest

from app.db.postgres import failures as postgres
from app.db.sqlite import failures as sqlite

SECRET = "wisteria"


@pytest.mark.parametrize(
    ("error", "reason", "is_configuration"),
    [
        (asyncpg.InvalidPasswordError(SECRET), "wrong-password", True),
        (asyncpg.InvalidAuthorizationSpecificationError(SECRET), "not-authorized", True),
        (asyncpg.InvalidCatalogNameError(SECRET), "no-database", True),
        (asyncpg.InsufficientPrivilegeError(SECRET), "no-permission", True),
        (asyncpg.InvalidSchemaNameError(SECRET), "no-permission", True),
        (asyncpg.UndefinedTableError(SECRET), "not-migrated", True),
        (asyncpg.UndefinedColumnError(SECRET), "not-migrated", True),
        (asyncpg.ReadOnlySQLTransactionError(SECRET), "read-only", False),
        (asyncpg.DiskFullError(SECRET), "storage-full", False),
        (asyncpg.TooManyConnectionsError(SECRET), "too-many-connections", False),
        (asyncpg.CannotConnectNowError(SECRET), "starting", False),
        (asyncpg.InvalidSQLStatementNameError(SECRET), "pooler", True),
        (asyncpg.ProtocolViolationError(SECRET), "refused-by-pooler", True),
        (asyncpg.TargetServerAttributeNotMatched(SECRET), "no-such-server", False),
        (ssl.SSLCertVerificationError(1, SECRET), "tls", True),
        (ssl.SSLError(1, SECRET), "tls", True),
        (asyncpg.ClientConfigurationError(SECRET), "tls", True),
        (ConnectionError("PostgreSQL server rejected SSL upgrade"), "tls", True),
        (socket.gaierror(-2, SECRET), "unknown-host", True),
        (TimeoutError(SECRET), "timeout", False),
        (asyncpg.QueryCanceledError(SECRET), "timeout", False),
        (ConnectionRefusedError(111, SECRET), "refused", False),
        (OSError(5, SECRET), "unreachable", False),
        (asyncpg.InternalServerError(SECRET), "server-error", False),
        (asyncpg.AdminShutdownError(SECRET), "unreachable", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_error_of_postgresql_is_explained(error: Exception, reason: str, *, is_configuration: bool) -> None:
    failure = postgres.explain(error)
    assert (failure.reason, failure.is_configuration) == (reason, is_configuration)
    assert failure.sqlstate == (getattr(error, "sqlstate", None) or "")
    assert SECRET not in failure.message
    assert ": " in failure.message


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_CANTOPEN, "cannot-open"),
        (sqlite3.SQLITE_PERM, "no-permission"),
        (sqlite3.SQLITE_NOTADB, "no-database"),
        (sqlite3.SQLITE_CORRUPT, "corrupt"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "read-only"),
        (sqlite3.SQLITE_FULL, "storage-full"),
        (sqlite3.SQLITE_BUSY, "timeout"),
        (sqlite3.SQLITE_ERROR, "not-migrated"),
        (sqlite3.SQLITE_IOERR, "unreachable"),
    ],
)
def test_an_error_of_sqlite_is_explained(code: int, reason: str) -> None:
    error = sqlite3.OperationalError(SECRET)
    error.sqlite_errorcode = code
    failure = sqlite.explain(error)
    assert failure.reason == reason
    assert SECRET not in failure.message
