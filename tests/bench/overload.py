"""Overload: what becomes of honest callers when more is asked than can be done.

    uv run python -m tests.bench.overload

prepares a database and a server of one worker, finds what it can do (its capacity: what it answers in time of as many
requests as callers in a closed loop get answered), and then offers from half of that to five times as much, by a fixed
schedule (`open_loop.py`). For each offer the table tells how many requests a second
were offered, answered in time, refused (503), and neither; how long answers and refusals took, counted from when the
requests were due; how long `/livez` took meanwhile; how late the load itself sent; and how much of a core the server,
the database and the load used. In the end: goodput at the highest offer against the best, and how long after it latency
was as before.

The requests are all that a phone can ask, in equal parts (`phone.py`). With `--mix gglgpgcl` they are those of one that
is always online: so cheap that at five times the capacity, receiving and refusing them is much of a processor's time.
"""

import sys
import time
from typing import Annotated, Final

import typer

from tests.bench import machine
from tests.bench.arena import Arena, Runner, arena
from tests.bench.contestants import CONTESTANTS
from tests.bench.load import drive
from tests.bench.offers import HEAD, RECOVERY_SECONDS, Cores, answered, figures, recovery, spelled
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
    """Return the requests a second that callers get answered who each wait for one answer before they ask again."""
    for length in (WARM_SECONDS, seconds):
        talks = [again(requests[number::CALLERS]) for number in range(CALLERS)]
        seen = drive(runner.address, talks, length, 200)
    return len(seen.waits) / seen.seconds


def measure(kind: str, seconds: float, mix: str, settings: dict[str, str]) -> None:
    """Measure on one kind of database, and print what was seen."""
    ours = next(each for each in CONTESTANTS if each.ours)
    with arena(kind) as place:
        _say(f"planting a world on {kind}")
        runner = place.start(ours, place.world(sizes()), **settings)
        requests = requests_of(runner.world.people[ORDINARY], mix)
        _say("finding the capacity")
        closed = _closed(runner, requests, seconds)
        loop = OpenLoop(runner.address, requests, looks_every=TICK_SECONDS)
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
            print(spelled(rows[-1]), flush=True)
        after = recovery(loop.run(capacity * AFTERWARDS, RECOVERY_SECONDS), rows[0].p99)
        loop.close()
        best = max(each.answered for each in rows)
        print(f"\nGoodput at {rows[-1].offer:g} x: {rows[-1].answered / best:.2f} of the best.")
        print(
            f"Afterwards at {AFTERWARDS:g} x, p99 of each half second: "
            + ", ".join(f"{p99:.0f} ms ({times:.1f} x)" for p99, times in after)
        )
        print(f"Requests that found no connection, or lost it: {loop.unsendable}.", flush=True)


def main(
    *,
    database: Annotated[str, typer.Option(help="postgresql or sqlite; both by default.")] = "postgresql,sqlite",
    seconds: Annotated[float, typer.Option(min=1, max=60, help="Length of one offer.")] = 5.0,
    mix: Annotated[str, typer.Option(help="Letters of what is asked; see tests/bench/phone.py.")] = EVERYTHING,
    in_flight: Annotated[str, typer.Option(help="AFTERGLOW_MAX_IN_FLIGHT of the server; its default if empty.")] = "",
) -> None:
    """Measure this API under more load than it can take."""
    for kind in database.split(","):
        measure(kind, seconds, mix, {"max_in_flight": in_flight} if in_flight else {})


if __name__ == "__main__":
    typer.run(main)
