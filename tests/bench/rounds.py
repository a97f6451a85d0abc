"""Rounds: all contestants in turn, each time in another order; then the medians."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final

from tests.bench.arena import Arena, Runner
from tests.bench.operations import Operation

MICRO: Final = 1e6
DRIFT: Final = 0.15
CONTROL_SECONDS: Final = 1.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Figures:
    """The figures of a contestant in an operation: rates per second, times in milliseconds, costs in µs per request."""

    contestant: str
    title: str
    rate: float
    p50: float
    p99: float
    server: float
    database: float
    failures: int


@dataclass(frozen=True)
class Table:
    """The figures of one operation; `drift` is the change of the control meanwhile."""

    operation: str
    title: str
    database: str
    figures: tuple[Figures, ...]
    drift: float

    def by(self, name: str) -> Figures | None:
        """Return a contestant's figures."""
        return next((each for each in self.figures if each.contestant == name), None)


def figures(arena: Arena, runner: Runner, operation: Operation, seconds: float) -> Figures:
    """Measure one round."""
    before = arena.database_seconds()
    seen, server = runner.round(operation, seconds)
    database = arena.database_seconds() - before
    waits = sorted(seen.waits)
    count = len(waits)
    contestant = runner.contestant
    return Figures(
        contestant=contestant.name,
        title=contestant.title,
        rate=count / seen.seconds,
        p50=waits[count // 2] * 1000,
        p99=waits[min(count - 1, count * 99 // 100)] * 1000,
        server=server / count * MICRO,
        database=database / count * MICRO,
        failures=seen.failures,
    )


def middle(rounds: list[Figures]) -> Figures:
    """Return the median of each figure."""

    def of(name: str) -> float:
        values: list[float] = [getattr(each, name) for each in rounds]
        return median(values)

    first = rounds[0]
    numbers = {name: of(name) for name in ("rate", "p50", "p99", "server", "database")}
    return Figures(first.contestant, first.title, **numbers, failures=sum(each.failures for each in rounds))


def compare(
    arena: Arena, operation: Operation, runners: Iterable[Runner], *, seconds: float, rounds: int, say: Say
) -> Table:
    """Measure an operation of all contestants that have it."""
    able = [each for each in runners if operation.name in each.contestant.operations]
    control = next(each for each in able if each.contestant.plain)
    for each in able:
        each.check(operation)
    before = figures(arena, control, operation, CONTROL_SECONDS)
    seen: dict[str, list[Figures]] = {each.contestant.name: [] for each in able}
    for number in range(rounds):
        for each in able[number % len(able) :] + able[: number % len(able)]:
            say(f"{operation.title} · round {number + 1} of {rounds} · {each.contestant.title}")
            seen[each.contestant.name].append(figures(arena, each, operation, seconds))
    after = figures(arena, control, operation, CONTROL_SECONDS)
    drift = after.rate / before.rate - 1
    return Table(operation.name, operation.title, arena.kind, tuple(middle(each) for each in seen.values()), drift)
