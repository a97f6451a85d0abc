"""A PostgreSQL on TCP that asks for TLS and a password, as one in production does."""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tests import postgres
from tests.db.certificates import Authority
from tests.db.helpers import execute_sql

PORT = 5432
PASSWORD = "wisteria by the door"
_HBA = """
local all all trust
hostssl all locked all reject
hostssl all all all scram-sha-256
"""
_ENCRYPTED = """
SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity activity USING (pid)
WHERE datname = $1 AND client_addr IS NOT NULL
"""


@dataclass
class Guarded:
    """A server with the role `afterglow`, which owns the database `afterglow`.

    Its certificate is for `address`, not for `other_address`, where it listens, too.
    """

    address: str
    other_address: str
    authority: Authority
    stranger: Authority
    """A certificate authority that did not issue the server's certificate."""
    admin_url: str

    def url(
        self,
        *,
        user: str = "afterglow",
        password: str = PASSWORD,
        host: str = "",
        port: int = PORT,
        database: str = "afterglow",
        **parameters: object,
    ) -> str:
        """Return a URL of the server, by default with TLS that is not verified."""
        query = "&".join(f"{name}={value}" for name, value in ({"sslmode": "require"} | parameters).items())
        return f"postgresql://{user}:{password.replace(' ', '%20')}@{host or self.address}:{port}/{database}?{query}"

    def execute(self, *statements: str, database: str = "afterglow") -> None:
        """Execute SQL as the administrator."""
        execute_sql(self.admin_url.replace("/postgres?", f"/{database}?"), *statements)

    def is_encrypted(self, database: str) -> bool:
        """Return whether a database has connections over TCP, and all of them use TLS."""

        async def read() -> bool:
            connection = await asyncpg.connect(self.admin_url)
            found = await connection.fetchval(_ENCRYPTED, database)
            await connection.close()
            return bool(found)

        return asyncio.run(read())


def _free_addresses() -> list[str]:
    """Return two loopback addresses on which nothing listens."""
    found: list[str] = []
    number = os.getpid()
    while len(found) < 2:
        number += 1
        address = f"127.{77 + number // 62_500 % 50}.{number // 250 % 250}.{number % 250 + 1}"
        with closing(socket.socket()) as probe:
            if probe.connect_ex((address, PORT)) != 0:
                found.append(address)
    return found


@contextmanager
def guarded_postgres() -> Iterator[Guarded]:
    """Start a server, and stop it at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="tls", dir="/tmp"))
    folder.chmod(0o755)
    addresses = _free_addresses()
    try:
        authority, stranger = Authority(folder, "authority"), Authority(folder, "stranger")
        certificate, key = authority.issue(addresses[0])
        if os.geteuid() == 0:
            shutil.chown(key, "nobody")
        key.chmod(0o600)
        (folder / "hba").write_text(_HBA)
        options = (f"listen_addresses={','.join(addresses)}", f"hba_file={folder}/hba")
        with postgres.started(*options) as url:
            server = Guarded(addresses[0], addresses[1], authority, stranger, url)
            server.execute(
                f"ALTER SYSTEM SET ssl_cert_file = '{certificate}'",
                f"ALTER SYSTEM SET ssl_key_file = '{key}'",
                "ALTER SYSTEM SET ssl = on",
                f"CREATE ROLE afterglow LOGIN PASSWORD '{PASSWORD}'",
                "CREATE DATABASE afterglow OWNER afterglow",
                "SELECT pg_reload_conf()",
                database="postgres",
            )
            yield server
    finally:
        shutil.rmtree(folder)
