"""Whether writers of different owners slow each other: eight devices of one owner compared with eight owners.

Also how much faster a push of a hundred records is than a hundred POSTs.
"""

from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from tests.bench.arena import Arena, Runner
from tests.bench.operations import OPERATIONS, PUSHED
from tests.bench.rounds import Say, figures

DEVICES: Final = 8
WANTED: Final = 3.0


@dataclass(frozen=True)
class Owners:
    """Rates of POSTs, and the CPU time of the database for each."""

    database: str
    one: float
    several: float
    one_database: float
    several_database: float
    posted: float
    """Records a second that one phone posts."""
    pushed: float
    """Records a second that one phone pushes, a hundred at once."""


def measure(arena: Arena, runner: Runner, *, seconds: float, rounds: int, say: Say) -> Owners:
    """Measure both in turn."""
    post = replace(OPERATIONS["post"], people=slice(None), connections=DEVICES)
    phone = {"posted": replace(OPERATIONS["post"], connections=1), "pushed": replace(OPERATIONS["push"], connections=1)}
    ways = {"one": (_of(runner, 1), post), "several": (_of(runner, DEVICES), post)}
    ways |= {name: (runner, operation) for name, operation in phone.items()}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, (way, operation) in ways.items():
            say(f"writers: {name} · round {number + 1} of {rounds}")
            seen = figures(arena, way, operation, seconds)
            rates[name].append(seen.rate)
            costs[name].append(seen.database)
    rate = {name: median(each) for name, each in rates.items()}
    return Owners(
        arena.kind,
        rate["one"],
        rate["several"],
        median(costs["one"]),
        median(costs["several"]),
        rate["posted"],
        rate["pushed"] * PUSHED,
    )


def _of(runner: Runner, count: int) -> Runner:
    people = runner.world.people[:count]
    world = replace(runner.world, people=[people[number % count] for number in range(DEVICES)])
    return replace(runner, world=world)


def markdown(found: Owners) -> str:
    """Return the result as a sentence."""
    ratio = found.several / found.one
    verdict = "met" if ratio >= WANTED else "**not met**"
    return (
        f"### Writers of different owners, {found.database}\n\n"
        f"Eight connections that POST for one owner: {found.one:,.0f}/s ({found.one_database:,.0f} µs of the database "
        f"each); for eight owners: {found.several:,.0f}/s ({found.several_database:,.0f} µs): {ratio:.2f} times, "
        f"wanted {WANTED:g}: {verdict}.\n\n"
        f"One phone posts {found.posted:,.0f} records a second one after the other, and pushes {found.pushed:,.0f}, a hundred "
        f"at once: {found.pushed / found.posted:.1f} times."
    )
