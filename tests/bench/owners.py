"""Do writers of different owners slow each other? One owner's eight devices beside eight owners' one."""

from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from tests.bench.arena import Arena, Runner
from tests.bench.operations import OPERATIONS
from tests.bench.rounds import Say, figures

DEVICES: Final = 8
WANTED: Final = 3.0


@dataclass(frozen=True)
class Owners:
    """Rates of POSTs, and what the database's processor took of each."""

    database: str
    one: float
    several: float
    one_database: float
    several_database: float


def measure(arena: Arena, runner: Runner, *, seconds: float, rounds: int, say: Say) -> Owners:
    """Measure both, in turn."""
    post = replace(OPERATIONS["post"], people=slice(None), connections=DEVICES)
    ways = {"one": _of(runner, 1), "several": _of(runner, DEVICES)}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            say(f"writers of {name} · round {number + 1} of {rounds}")
            seen = figures(arena, way, post, seconds)
            rates[name].append(seen.rate)
            costs[name].append(seen.database)
    return Owners(
        arena.kind, median(rates["one"]), median(rates["several"]), median(costs["one"]), median(costs["several"])
    )


def _of(runner: Runner, count: int) -> Runner:
    people = runner.world.people[:count]
    world = replace(runner.world, people=[people[number % count] for number in range(DEVICES)])
    return replace(runner, world=world)


def spelled(found: Owners) -> str:
    """Return it in words."""
    ratio = found.several / found.one
    verdict = "met" if ratio >= WANTED else "**not met**"
    return (
        f"### Writers of different owners, {found.database}\n\n"
        f"Eight connections that POST for one owner: {found.one:,.0f}/s ({found.one_database:,.0f} µs of the database "
        f"each); for eight owners: {found.several:,.0f}/s ({found.several_database:,.0f} µs): {ratio:.2f} times, "
        f"wanted {WANTED:g}: {verdict}."
    )
