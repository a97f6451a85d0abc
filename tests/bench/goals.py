"""The goals of this API, as ratios to other contestants in one run."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.bench.operations import PUSHED
from tests.bench.report import DATABASES, OURS
from tests.bench.rounds import Figures, Table


def cheaper(ours: Figures, other: Figures) -> float:
    """Return how many times less CPU time our server needs."""
    return other.server / ours.server


def faster(ours: Figures, other: Figures) -> float:
    """Return our rate as a share of the other's."""
    return ours.rate / other.rate


@dataclass(frozen=True)
class Goal:
    """A goal: the other contestant, the ratio, and its minimum for each operation."""

    against: str
    words: str
    ratio: Callable[[Figures, Figures], float]
    wanted: dict[str, float]
    database: str = "postgresql"


_EVERY: Final = ("get", "list", "post", "patch", "pull", "push")
_PYTHON: Final = ("litestar", "ninja", "rest_framework")
_SERVER: Final = "processor of the server, times less"
_RATE: Final = "rate, of theirs"
GOALS: Final = (
    Goal("fastify", _SERVER, cheaper, {"get": 1.3, "list": 1.3, "post": 1.3, "patch": 1.1, "pull": 2}),
    Goal("common", _SERVER, cheaper, {"get": 10, "list": 8, "post": 10, "patch": 10, "pull": 5, "push": 4}),
    *(Goal(name, _SERVER, cheaper, dict.fromkeys(_EVERY, 4.0)) for name in _PYTHON),
    Goal("core", _SERVER, cheaper, {"get": 4, "list": 4, "pull": 1.3}),
    *(Goal(name, _RATE, faster, {"get": 0.5, "list": 0.5, "post": 0.6, "pull": 0.5}) for name in ("floor", "pool")),
    Goal("common", _SERVER, cheaper, dict.fromkeys(_EVERY, 8.0), database="sqlite"),
)
PUSH_WANTED: Final = 20.0


@dataclass(frozen=True)
class Outcome:
    """The outcome of a goal for one operation."""

    database: str
    operation: str
    against: str
    words: str
    wanted: float
    found: float


def outcomes(tables: Iterable[Table]) -> Iterator[Outcome]:
    """Return the outcomes of the goals whose tables are given."""
    known = {(table.database, table.operation): table for table in tables}
    for goal in GOALS:
        for operation, wanted in goal.wanted.items():
            table = known.get((goal.database, operation))
            ours, other = (table.by(OURS), table.by(goal.against)) if table else (None, None)
            if table and ours and other:
                found = goal.ratio(ours, other)
                yield Outcome(goal.database, table.title, other.title, goal.words, wanted, found)
    for database in DATABASES:
        pushed, posted = (
            table.by(OURS) if (table := known.get((database, name))) else None for name in ("push", "post")
        )
        if pushed and posted:
            words = f"rate, of a {PUSHED}th of the POSTs"
            yield Outcome(database, "push of 100", "POST", words, PUSH_WANTED, pushed.rate * PUSHED / posted.rate)


def markdown(found: Iterable[Outcome]) -> str:
    """Return the outcomes as Markdown."""
    lines = ["### Goals", "", "| | against | | wanted | found | |", "|---|---|---|--:|--:|---|"]
    lines += [
        f"| {each.operation}, {DATABASES[each.database]} | {each.against} | {each.words} | {each.wanted:g} "
        f"| {each.found:.2f} | {'met' if each.found >= each.wanted else '**not met**'} |"
        for each in found
    ]
    return "\n".join(lines)
