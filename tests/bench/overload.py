"""Overload: what becomes of honest callers when more is asked than can be done.

    uv run python -m tests.bench.overload

prepares a database and a server of one worker, finds what it can do (its capacity), and then offers from half of that
to five times as much, by a fixed schedule (`open_loop.py`). For each offer the table tells how many requests a second
were offered, answered in time, refused (503), and neither; how long answers and refusals took, counted from when the
requests were due; and how long `/livez` took meanwhile. In the end: goodput at the highest offer against the best, and
how long after it latency was as before.

The requests are a phone's: six in ten read a record, two list fifty, one writes one, one changes one.
"""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from tests.bench.arena import arena
from tests.bench.contestants import CONTESTANTS
from tests.bench.load import drive
from tests.bench.open_loop import LATE, Asked, OpenLoop
from tests.bench.operations import ORDINARY, Client, again, get_one, list_fifty, sizes
from tests.bench.planting import Person

OFFERS: Final = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
MIX: Final = "gglgpgclgg"
CALLERS: Final = 16
REQUESTS: Final = 4000
CHANGED: Final = 100
"""People whose records are changed: often enough in the requests that each time is a change."""
DRAFT: Final = b'{"kind": "integration", "statement": "When she goes quiet, I stay, and I do not try to repair it."}'
BUSY: Final = 503
AFTERWARDS: Final = 0.5
RECOVERY_SECONDS: Final = 6


@dataclass(frozen=True)
class Figures:
    """What was seen at one offer: rates a second, times in milliseconds."""

    offer: float
    offered: float
    answered: float
    refused: float
    lost: float
    p50: float
    p99: float
    refused_p99: float
    refused_most: float
    livez_p99: float
    livez_most: float


def requests_of(people: list[Person]) -> list[bytes]:
    """Return a phone's requests, of one person after the other."""
    client = Client(people, ours=True)
    streams: dict[str, Iterator[bytes]] = {
        "g": get_one(client),
        "l": list_fifty(client),
        "p": (client.request(person, "POST", "/v1/intentions", DRAFT) for person in itertools.cycle(people)),
        "c": (_change(client, person, number) for number, person in enumerate(itertools.cycle(people[:CHANGED]))),
    }
    return [next(streams[kind]) for kind, _ in zip(itertools.cycle(MIX), range(REQUESTS), strict=False)]


def _change(client: Client, person: Person, number: int) -> bytes:
    body = b'{"statement": "I stay, for the %dth time, and do not repair it."}' % number
    return client.request(person, "PATCH", f"/v1/intentions/{next(iter(person.seqs))}", body, "If-Match: *\r\n")


def at(values: list[float], share: float) -> float:
    """Return a quantile in milliseconds."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000 if values else float("nan")


def figures(offer: float, seconds: float, seen: list[Asked]) -> Figures:
    """Sum one offer up."""
    asked = [each for each in seen if not each.probe]
    livez = [each.wait for each in seen if each.probe]
    answered = [each.wait for each in asked if 0 < each.status < BUSY and each.wait < LATE]
    refused = [each.wait for each in asked if each.status == BUSY]
    return Figures(
        offer=offer,
        offered=len(asked) / seconds,
        answered=len(answered) / seconds,
        refused=len(refused) / seconds,
        lost=(len(asked) - len(answered) - len(refused)) / seconds,
        p50=at(answered, 0.5),
        p99=at(answered, 0.99),
        refused_p99=at(refused, 0.99),
        refused_most=at(refused, 1),
        livez_p99=at(livez, 0.99),
        livez_most=at(livez, 1),
    )


HEAD: Final = (
    "| offer | offered/s | answered/s | refused/s | lost/s | p50 ms | p99 ms | refused p99 ms | refused max ms "
    "| livez p99 ms | livez max ms |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def spelled(each: Figures) -> str:
    """Return a line of the table."""
    return (
        f"| {each.offer:g} x | {each.offered:,.0f} | {each.answered:,.0f} | {each.refused:,.0f} | {each.lost:,.0f} "
        f"| {each.p50:.1f} | {each.p99:.1f} | {each.refused_p99:.1f} | {each.refused_most:.1f} "
        f"| {each.livez_p99:.1f} | {each.livez_most:.1f} |"
    )


def recovery(seen: list[Asked], usual: float) -> list[tuple[float, float]]:
    """Return the p99 of each half of a second after the overload, and how many times the usual that is."""
    asked = [each for each in seen if not each.probe]
    began, windows = asked[0].due, []
    for number in range(RECOVERY_SECONDS * 2):
        waits = [each.wait for each in asked if number / 2 <= each.due - began < (number + 1) / 2]
        windows.append((at(waits, 0.99), at(waits, 0.99) / usual))
    return windows


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def measure(kind: str, seconds: float, settings: dict[str, str]) -> None:
    """Measure on one kind of database, and print what was seen."""
    ours = next(each for each in CONTESTANTS if each.ours)
    with arena(kind) as place:
        _say(f"planting a world on {kind}")
        world = place.world(sizes())
        runner = place.start(ours, world, **settings)
        people = runner.world.people[ORDINARY]
        requests = requests_of(people)
        _say("finding the capacity")
        talks = [again(requests[number::CALLERS]) for number in range(CALLERS)]
        warm = drive(runner.address, talks, 2.0, 200)
        assert warm.waits
        talks = [again(requests[number::CALLERS]) for number in range(CALLERS)]
        closed = drive(runner.address, talks, seconds, 200)
        capacity = len(closed.waits) / closed.seconds
        print(f"\n### {kind}, one worker: {capacity:,.0f} requests/s by {CALLERS} callers in a closed loop\n\n{HEAD}")
        loop = OpenLoop(runner.address, requests)
        loop.run(capacity * AFTERWARDS, 2.0)
        rows = []
        for offer in OFFERS:
            _say(f"offering {offer:g} x")
            rows.append(figures(offer, seconds, loop.run(capacity * offer, seconds)))
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
    in_flight: Annotated[str, typer.Option(help="AFTERGLOW_MAX_IN_FLIGHT of the server; its default if empty.")] = "",
) -> None:
    """Measure this API under more load than it can take."""
    for kind in database.split(","):
        measure(kind, seconds, {"max_in_flight": in_flight} if in_flight else {})


if __name__ == "__main__":
    typer.run(main)
