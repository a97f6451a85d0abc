"""Opens connections to PostgreSQL: tries the URL's hosts, sets up TLS and session settings, and detects poolers.

A pooler is a proxy such as PgBouncer, whose clients share a few connections to PostgreSQL.

The session settings are sent after the connection is open, because PgBouncer refuses most of them in the startup
packet. A pooler in transaction mode may give each transaction another session, so no setting, prepared statement or
LISTEN may outlive a transaction. A pooler is detected by the id of the server process, which differs from the id that
was announced at the start of the connection. A pooler is assumed to be in transaction mode, unless the URL says
`pool_mode=session`.
"""

import itertools
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Final

import asyncpg
import orjson

from app import observability
from app.database_url import PostgresUrl
from app.settings import Settings

SESSION: Final = {
    "default_transaction_isolation": "read committed",
    "random_page_cost": "1.1",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""The settings of each session, which replace the administrator's defaults.

All statements of the program are written for the isolation level READ COMMITTED. A low `random_page_cost`
makes PostgreSQL read the rows of a page of results in the order of an index. Hash and merge joins are off, because they
would read whole tables to look up a few keys.
"""
MAX_PREPARED_STATEMENTS: Final = 1000
KEEPALIVE_SECONDS: Final = 30
"""The idle time after which the operating system probes a connection. All its probes together take the same time."""
KEEPALIVE_PROBES: Final = 3
_NEXT_HOST: Final = (OSError, asyncpg.TargetServerAttributeNotMatched, asyncpg.ConnectionDoesNotExistError)
"""The errors after which the next host of the URL is tried. A timeout is an `OSError`."""


async def open_connection(
    url: PostgresUrl, seconds: float, *, name: str, statement_seconds: float | None = None, cached: int = 0
) -> Any:
    """Return a connection to the first host of the URL that is reachable and matches `target_session_attrs`.

    The timeout for each host is the URL's `connect_timeout`, by default `seconds`. `statement_seconds` is the deadline
    of each statement, and `cached` is the number of prepared statements to keep. If no host matches, raise the error
    of the last host.
    """
    attribute = url.target_session_attrs
    attributes = ["standby", "any"] if attribute == "prefer-standby" else [attribute]
    errors: list[Exception] = []
    for attribute, (host, port) in itertools.product(attributes, url.hosts or [("", None)]):
        try:
            connection = await asyncpg.connect(
                url.tls_url() if url.tls.get("sslrootcert") != "system" else None,
                host=host or None,
                port=port,
                user=url.user,
                password=url.password,
                database=url.database,
                passfile=url.passfile,
                ssl=_system_tls(url),
                target_session_attrs=attribute,
                timeout=url.connect_timeout or seconds,
                command_timeout=statement_seconds,
                statement_cache_size=cached,
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=0,  # no limit, so that statements over all kinds are kept, too (decision 091)
                server_settings={
                    "application_name": url.application_name or name,
                    **({"options": url.options} if url.options else {}),
                },
            )
        except _NEXT_HOST as error:
            errors.append(error)
        else:
            _watch_peer(connection, seconds)
            return connection
    raise errors[-1]


def _watch_peer(connection: Any, seconds: float) -> None:
    """Make the operating system close a TCP connection if the other side is gone.

    An idle connection is closed if probes get no answer, a minute after the last traffic. A busy connection is closed
    if sent data is not acknowledged within `seconds`.
    """
    peer = connection._transport.get_extra_info("socket")  # noqa: SLF001 - the driver has no public way to its socket
    if peer is None or peer.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": KEEPALIVE_SECONDS,
        "TCP_KEEPINTVL": KEEPALIVE_SECONDS // KEEPALIVE_PROBES,
        "TCP_KEEPCNT": KEEPALIVE_PROBES,
        "TCP_USER_TIMEOUT": int(seconds * 1000),
    }
    known = [(getattr(socket, name), value) for name, value in options.items() if hasattr(socket, name)]
    for option, value in known:  # some exist only on Linux
        peer.setsockopt(socket.IPPROTO_TCP, option, value)


def _system_tls(url: PostgresUrl) -> ssl.SSLContext | None:
    """If the URL has `sslrootcert=system`, return a TLS context that trusts the system's certificates, else None."""
    if url.tls.get("sslrootcert") != "system":
        return None
    context = ssl.create_default_context()
    if "sslcert" in url.tls:
        context.load_cert_chain(url.tls["sslcert"], url.tls.get("sslkey"), url.tls.get("sslpassword"))
    return context


class Connector:
    """Opens the connections of one process. After it has detected a pooler, it opens all connections for a pooler."""

    def __init__(self, settings: Settings, name: str = "afterglow", session: Mapping[str, str] | None = None) -> None:
        """`name` is the connections' application name. `session` has their session settings, by default `SESSION`."""
        url = settings.database
        assert isinstance(url, PostgresUrl)  # noqa: S101 - SQLite has no connector
        self._url, self._name, self._seconds = url, name, settings.statement_seconds
        milliseconds = str(int(self._seconds * 1000))
        timeouts = {"statement_timeout": milliseconds, "idle_in_transaction_session_timeout": milliseconds}
        self._session = SESSION | timeouts if session is None else session
        self.is_pooled = url.pool_mode == "transaction"

    async def connect(self) -> Any:
        """Return a new connection. Connecting has a deadline, and so has every statement on the connection.

        The first time that a pooler is detected, log `pooler-found`.
        """
        connection = await self._open()
        try:
            if not self.is_pooled and not await self._configure(connection):
                observability.log_event("pooler-found", advice="see pool_mode in docs/operating.md")
                self.is_pooled = True
                connection.terminate()
                connection = await self._open()
            await connection.set_type_codec(
                "json", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
            )
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _open(self) -> Any:
        cached = 0 if self.is_pooled else MAX_PREPARED_STATEMENTS
        return await open_connection(
            self._url, self._seconds, name=self._name, statement_seconds=self._seconds, cached=cached
        )

    async def _configure(self, connection: Any) -> bool:
        """Set the session settings and return True. If the connection goes through a pooler, set nothing; return False.

        This takes one round trip and no prepared statement.
        """
        values = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in self._session.items())
        is_own = self._url.pool_mode == "session" or f"pg_backend_pid() = {connection.get_server_pid()}"
        status = await connection.execute(f"SELECT {values} WHERE {is_own}")
        return bool(status == "SELECT 1")
