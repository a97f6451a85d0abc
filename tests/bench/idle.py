"""Idle sockets: the effect of a thousand almost silent connections on normal clients.

    uv run python -m tests.bench.idle

One worker gets reads at a fixed rate, alternately with and without a thousand sockets: a third of them silent, a third
sending headers byte by byte, a third a body. A socket that is closed reconnects at once. The medians of the rounds are
compared.
"""

import multiprocessing
import socket
import sys
import time
from contextlib import suppress
from itertools import islice
from multiprocessing.synchronize import Event
from statistics import median
from typing import Annotated, Final

import typer

from tests.bench.arena import arena
from tests.bench.contestants import CONTESTANTS
from tests.bench.load import Address
from tests.bench.offers import BUSY, at
from tests.bench.open_loop import OpenLoop
from tests.bench.operations import ORDINARY, Client, get_one, sizes

REQUESTS: Final = 1000
ROUND_SECONDS: Final = 4.0
DRIP_SECONDS: Final = 1.0
BEGINNINGS: Final = (
    b"",
    b"GET /v1/intentions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Drip: ",
    b"POST /v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{",
)


def crowd(address: Address, size: int, here: Event, over: Event) -> None:
    """Keep this number of sockets open until the end; report when all are open."""
    sockets: dict[int, socket.socket] = {}
    while not over.is_set():
        for number in range(size):
            beginning = BEGINNINGS[number % len(BEGINNINGS)]
            try:
                if beginning and number in sockets:
                    sockets[number].send(b" ")
                elif number not in sockets or not _is_open(sockets[number]):
                    sockets[number] = socket.create_connection(address, 5)
                    sockets[number].send(beginning)
            except OSError:
                sockets.pop(number, None)
        here.set()
        over.wait(DRIP_SECONDS)


def _is_open(connection: socket.socket) -> bool:
    with suppress(BlockingIOError):
        return bool(connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK))
    return True


def measure(kind: str, size: int, rate: float, rounds: int) -> None:
    """Measure on one kind of database, and print the results."""
    ours = next(each for each in CONTESTANTS if each.ours)
    with arena(kind) as place:
        print(f"planting a world on {kind}", file=sys.stderr)
        runner = place.start(ours, place.world(sizes()))
        requests = [*islice(get_one(Client(runner.world.people[ORDINARY], ours=True)), REQUESTS)]
        loop = OpenLoop(runner.address, requests)
        loop.run(rate, ROUND_SECONDS)
        seen: dict[bool, list[tuple[float, float, int]]] = {False: [], True: []}
        for number in range(2 * rounds):
            crowded = bool(number % 2)
            print(f"round {number + 1} of {2 * rounds}", file=sys.stderr)
            here, over = multiprocessing.Event(), multiprocessing.Event()
            others = multiprocessing.Process(target=crowd, args=(runner.address, size * crowded, here, over))
            others.start()
            here.wait(30)
            asked = [each for each in loop.run(rate, ROUND_SECONDS) if not each.probe]
            over.set()
            others.join()
            waits = [each.wait for each in asked if each.status]
            refused = sum(not each.status or each.status == BUSY for each in asked)
            seen[crowded].append((at(waits, 0.5), at(waits, 0.99), refused))
            time.sleep(0.5)
        loop.close()
    print(
        f"\n### {kind}, one worker, {rate:,.0f} reads/s\n\n| | p50 ms | p99 ms | refused or lost |\n|---|--:|--:|--:|"
    )
    p99 = {}
    for crowded, title in ((False, "alone"), (True, f"beside {size:,} idle or dripping sockets")):
        p99[crowded] = median(each[1] for each in seen[crowded])
        refused = sum(each[2] for each in seen[crowded])
        print(f"| {title} | {median(each[0] for each in seen[crowded]):.2f} | {p99[crowded]:.2f} | {refused} |")
    print(f"\np99 with idle sockets: {p99[True] / p99[False]:.2f} times that without.", flush=True)


def main(
    *,
    database: Annotated[str, typer.Option(help="postgresql or sqlite; both by default.")] = "postgresql,sqlite",
    sockets: Annotated[int, typer.Option(min=1, max=10_000, help="Number of idle sockets.")] = 1000,
    rate: Annotated[float, typer.Option(min=1, help="Reads a second.")] = 300,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each.")] = 5,
) -> None:
    """Measure the effect of idle sockets on normal clients."""
    for kind in database.split(","):
        measure(kind, sockets, rate, rounds)


if __name__ == "__main__":
    typer.run(main)
