"""Explains why PostgreSQL cannot be used: maps each error of the driver to a cause and a remedy.

No message of PostgreSQL is repeated, because it may quote stored data.
"""

import socket
import ssl
from typing import Final

import asyncpg

from app.problems import Failure

_URL: Final = "AFTERGLOW_DATABASE_URL"
_FAILURES: Final[tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Failure], ...]] = (
    (
        asyncpg.InvalidPasswordError,
        Failure(
            "wrong-password",
            f"PostgreSQL refused the user or the password in {_URL}: correct it",
            is_configuration=True,
        ),
    ),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        Failure(
            "not-authorized",
            f"PostgreSQL does not admit the user in {_URL}: create the role with LOGIN, and admit it in pg_hba.conf, "
            "which may also require TLS (sslmode=require)",
            is_configuration=True,
        ),
    ),
    (
        asyncpg.InvalidCatalogNameError,
        Failure(
            "no-database",
            f"the database named in {_URL} does not exist: create it, or correct the name",
            is_configuration=True,
        ),
    ),
    (
        (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidSchemaNameError),
        Failure(
            "no-permission",
            "the database's user lacks a permission: grant it CONNECT on the database, USAGE and CREATE on the schema, "
            "and all privileges on the tables",
            is_configuration=True,
        ),
    ),
    (
        (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError),
        Failure(
            "not-migrated",
            "the database has not been migrated to this version: run `afterglow migrate`",
            is_configuration=True,
        ),
    ),
    (
        asyncpg.ReadOnlySQLTransactionError,
        Failure(
            "read-only",
            "the database is read-only, as a standby is: use the primary (target_session_attrs=read-write), or turn off "
            "default_transaction_read_only",
        ),
    ),
    (asyncpg.DiskFullError, Failure("storage-full", "the database's disk is full: free up some space")),
    (
        asyncpg.TooManyConnectionsError,
        Failure(
            "too-many-connections",
            "PostgreSQL accepts no further connection: raise max_connections or the role's limit, or lower "
            "AFTERGLOW_DATABASE_POOL or the number of workers",
        ),
    ),
    (
        asyncpg.CannotConnectNowError,
        Failure("starting", "PostgreSQL is starting or stopping: try again when it is ready"),
    ),
    (
        (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError),
        Failure(
            "pooler",
            f"a pooler does not keep prepared statements: add the parameter pool_mode=transaction to {_URL}",
            is_configuration=True,
        ),
    ),
    (
        asyncpg.ProtocolViolationError,
        Failure(
            "refused-by-pooler",
            f"a pooler such as PgBouncer refused the connection: check its database, its limits, and that {_URL} has no "
            "parameter `options`; its log names the cause",
            is_configuration=True,
        ),
    ),
    (
        asyncpg.TargetServerAttributeNotMatched,
        Failure(
            "no-such-server",
            f"no host in {_URL} has the role that its target_session_attrs requires: add the host that has it",
        ),
    ),
    (
        ssl.SSLCertVerificationError,
        Failure(
            "tls",
            "the certificate of PostgreSQL is not trusted, or is for another host: set sslrootcert to its certificate "
            f"authority's file and use the certificate's host name in {_URL}",
            is_configuration=True,
        ),
    ),
    (
        ssl.SSLError,
        Failure(
            "tls",
            f"the TLS connection to PostgreSQL failed: check sslmode, sslrootcert, sslcert and sslkey in {_URL}",
            is_configuration=True,
        ),
    ),
    (
        asyncpg.ClientConfigurationError,
        Failure(
            "tls",
            f"the TLS parameters in {_URL} cannot be used: sslmode=verify-ca and verify-full need sslrootcert, the file "
            "of the certificate authority (or sslrootcert=system with verify-full)",
            is_configuration=True,
        ),
    ),
    (
        socket.gaierror,
        Failure(
            "unknown-host",
            f"the host name in {_URL} cannot be resolved: correct it, or check the DNS",
            is_configuration=True,
        ),
    ),
    (
        (TimeoutError, asyncpg.QueryCanceledError),
        Failure(
            "timeout",
            f"PostgreSQL does not answer in time: check that the host in {_URL} can be reached, and the server's load",
        ),
    ),
    (
        ConnectionRefusedError,
        Failure(
            "refused",
            f"nothing listens on the host and port in {_URL}: start PostgreSQL, or correct them",
        ),
    ),
)
_UNREACHABLE: Final = Failure(
    "unreachable", f"PostgreSQL cannot be reached: check the host and port in {_URL}, and that it runs"
)
_NO_TLS: Final = Failure(
    "tls",
    f"PostgreSQL does not offer TLS, which sslmode in {_URL} requires: set it up, or use sslmode=prefer",
    is_configuration=True,
)
_OPTIONS: Final = Failure(
    "options",
    f"PostgreSQL refused the parameter options in {_URL}: it must be -c NAME=VALUE, percent-encoded (-c%20NAME%3DVALUE), "
    "with a setting that exists and that the user may set, and with a valid value",
    is_configuration=True,
)
_OTHER: Final = Failure("server-error", "PostgreSQL reported an error: its log names the cause")
REASONS: Final = frozenset(
    failure.reason for failure in (*dict(_FAILURES).values(), _UNREACHABLE, _NO_TLS, _OPTIONS, _OTHER)
)
"""All possible values of `Failure.reason` on PostgreSQL."""
CONNECT_ERRORS: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError)
"""The errors that opening a connection may raise. Every command translates each of them."""
_CONNECTION_LOST: Final = (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
"""The errors of PostgreSQL that say that the connection ended."""


def explain(error: BaseException) -> Failure:
    """Return the `Failure` (cause and remedy) for an error of the driver, with the error's SQLSTATE if it has one."""
    sqlstate = str(getattr(error, "sqlstate", None) or "")
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return _NO_TLS
    if _refuses_options(error):
        return _OPTIONS._replace(sqlstate=sqlstate)
    for kinds, failure in _FAILURES:
        if isinstance(error, kinds):
            return failure._replace(sqlstate=sqlstate)
    is_answer = isinstance(error, asyncpg.PostgresError) and not isinstance(error, _CONNECTION_LOST)
    return (_OTHER if is_answer else _UNREACHABLE)._replace(sqlstate=sqlstate)


def _refuses_options(error: BaseException) -> bool:
    """Return whether PostgreSQL refused a setting in the URL's parameter `options`.

    The file of PostgreSQL's source code that reported the error tells it apart: error codes such as a missing privilege
    have other causes, too, and texts may be in any language.
    """
    file = getattr(error, "server_source_filename", None)
    return file == "guc.c" or (file == "postgres.c" and isinstance(error, asyncpg.PostgresSyntaxError))
