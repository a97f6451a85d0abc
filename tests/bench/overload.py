"""Overload: normal clients when more requests arrive than the server can answer.

    uv run python -m tests.bench.overload

starts a database and a server with one worker, measures its capacity (the rate that it answers in time), and then sends from
half of that to five times as much on a fixed schedule (`open_loop.py`). For each offered rate the table has: the rates of
requests offered, answered in time, refused (503), and neither; the times of answers and refusals, from when the requests were
due; the time of `/livez`; how late the load generator was; and the CPU use of server, database and load generator. At the
end: goodput at the highest rate relative to the best, and how long latency took to return to normal.

The requests are all that an app sends, in equal parts (`phone.py`). With `--mix gglgpgcl` they are those of an app that is
always online: so cheap that at five times the capacity, receiving and refusing them takes much of the CPU time.
"""

import sys
import time
from typing import Annotated, Final

import typer

from tests.bench import machine
from tests.bench.arena import Arena, Runner, arena
from tests.bench.contestants import CONTESTANTS
from tests.bench.load import drive
from tests.bench.offers import HEAD, RECOVERY_SECONDS, Cores, answered, figures, markdown, recovery
from tests.bench.open_loop import OpenLoop
from tests.bench.operations import ORDINARY, again, sizes
from tests.bench.phone import EVERYTHING, requests_of

OFFERS: Final = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
CALLERS: Final = 16
WARM_SECONDS: Final = 2.0
AFTERWARDS: Final = 0.5
TICK_SECONDS: Final = 0.001


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _cores(place: Arena, runner: Runner) -> Cores:
    return Cores(machine.cpu_seconds(runner.process.pid), place.database_seconds(), time.process_time())


def _closed(runner: Runner, requests: list[bytes], seconds: float) -> float:
    """Return the rate of responses to clients that send a request after each response."""
    for length in (WARM_SECONDS, seconds):
        talks = [again(requests[number::CALLERS]) for number in range(CALLERS)]
        seen = drive(runner.address, talks, length, 200)
    return len(seen.waits) / seen.seconds


def measure(kind: str, seconds: float, mix: str, settings: dict[str, str]) -> None:
    """Measure on one kind of database, and print the results."""
    ours = next(each for each in CONTESTANTS if each.ours)
    with arena(kind) as place:
        _say(f"planting a world on {kind}")
        runner = place.start(ours, place.world(sizes()), **settings)
        requests = requests_of(runner.world.people[ORDINARY], mix)
        _say("finding the capacity")
        closed = _closed(runner, requests, seconds)
        loop = OpenLoop(runner.address, requests, poll_seconds=TICK_SECONDS)
        loop.run(closed * AFTERWARDS, WARM_SECONDS)
        capacity = answered(loop.run(closed, seconds), seconds)
        print(
            f"\n### {kind}, one worker: {capacity:,.0f} requests/s by a fixed schedule, {closed:,.0f} by {CALLERS} "
            f"callers in a closed loop ({mix})\n"
        )
        print(HEAD)
        loop.run(capacity * AFTERWARDS, WARM_SECONDS)
        rows = []
        for offer in OFFERS:
            _say(f"offering {offer:g} x")
            before, began = _cores(place, runner), time.perf_counter()
            seen = loop.run(capacity * offer, seconds)
            used = _cores(place, runner).since(before, time.perf_counter() - began)
            rows.append(figures(offer, seconds, seen, used))
            print(markdown(rows[-1]), flush=True)
        after = recovery(loop.run(capacity * AFTERWARDS, RECOVERY_SECONDS), rows[0].p99)
        loop.close()
        best = max(each.answered for each in rows)
        print(f"\nGoodput at {rows[-1].offer:g} x: {rows[-1].answered / best:.2f} of the best.")
        print(
            f"Afterwards at {AFTERWARDS:g} x, p99 of each half second: "
            + ", ".join(f"{p99:.0f} ms ({times:.1f} x)" for p99, times in after)
        )
        print(f"Requests without a connection, or whose connection was lost: {loop.unsendable}.", flush=True)


def main(
    *,
    database: Annotated[str, typer.Option(help="postgresql or sqlite; both by default.")] = "postgresql,sqlite",
    seconds: Annotated[float, typer.Option(min=1, max=60, help="Seconds of each offered rate.")] = 5.0,
    mix: Annotated[str, typer.Option(help="Codes of the requests; see tests/bench/phone.py.")] = EVERYTHING,
    in_flight: Annotated[str, typer.Option(help="AFTERGLOW_MAX_IN_FLIGHT of the server; its default if empty.")] = "",
) -> None:
    """Measure this API under overload."""
    for kind in database.split(","):
        measure(kind, seconds, mix, {"max_in_flight": in_flight} if in_flight else {})


if __name__ == "__main__":
    typer.run(main)
