"""A PostgreSQL for the checks of the sync adapters.

`python -m tests.adapters.databases serve COMMAND …` runs a command with a server's URL in `ADAPTERS_POSTGRES`;
`python -m tests.adapters.databases copy URL FROM TO` copies one database of a server to another, which it replaces.
"""

import asyncio
import os
import subprocess
import sys

import asyncpg

from tests import postgres


def serve(*command: str) -> int:
    """Run a command while a server runs; return its exit status."""
    with postgres.running() as url:
        return subprocess.run(command, env=os.environ | {"ADAPTERS_POSTGRES": url}, check=False).returncode


async def copy(url: str, source: str, target: str) -> int:
    """Copy a database without connections."""
    connection = await asyncpg.connect(url)
    await connection.execute(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)')
    await connection.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')
    await connection.close()
    return 0


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    sys.exit(serve(*arguments) if verb == "serve" else asyncio.run(copy(*arguments)))
