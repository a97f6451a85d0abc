"""PgBouncer in front of the tests' PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

PGBOUNCER: Final = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
SECONDS: Final = 10


@contextmanager
def bouncing(url: str, mode: str, *, server_connections: int = 8) -> Iterator[str]:
    """Yield the URL of a database behind PgBouncer, in a mode: session, transaction or statement.

    Its other settings are its defaults, so it refuses unknown settings in the startup packet.
    """
    assert PGBOUNCER is not None
    parts = urlsplit(url)
    server = parse_qs(parts.query)["host"][0]
    name = parts.path.removeprefix("/")
    folder = Path(tempfile.mkdtemp(prefix="bouncer", dir="/tmp"))
    try:
        (folder / "users.txt").write_text('"postgres" ""\n')
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n{name} = host={server} dbname={name} user=postgres\n"
            f"[pgbouncer]\nlisten_port = 5432\nunix_socket_dir = {folder}\nauth_type = trust\n"
            f"auth_file = {folder}/users.txt\npool_mode = {mode}\ndefault_pool_size = {server_connections}\n"
        )
        folder.chmod(0o777)
        user = "nobody" if os.geteuid() == 0 else None
        process = subprocess.Popen(
            [PGBOUNCER, "-q", folder / "pgbouncer.ini"], user=user, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + SECONDS
            while not (folder / ".s.PGSQL.5432").exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield f"postgresql://postgres@/{name}?host={folder}"
        finally:
            process.kill()
            process.wait(SECONDS)
    finally:
        shutil.rmtree(folder)
