"""A slow network between a server and its database: data arrive some milliseconds later."""

import asyncio
import sys
from pathlib import Path

BYTES = 1 << 18
SOCKET = ".s.PGSQL.5432"


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Forward all data in order, each piece after the delay."""
    loop = asyncio.get_running_loop()
    while data := await reader.read(BYTES):
        loop.call_later(seconds, writer.write, data)
    loop.call_later(seconds, writer.close)


async def main(near: str, far: str, milliseconds: str) -> None:
    """Listen in the folder `near` for the database whose socket is in the folder `far`."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(str(Path(far, SOCKET)))
        await asyncio.gather(pass_on(reader, back, 0), pass_on(there, writer, float(milliseconds) / 1000))

    async with await asyncio.start_unix_server(connected, str(Path(near, SOCKET))) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
