"""Growth: the cost of reads in a large database compared with a small one, and a worker's memory.

The small one has 100 people with 100 records each; the large one 10 000 people with 90 and one with 100 000, a million rows.
A cost is that of our server and of the database. The owner of 100 000 records is measured too: their first and 500th page,
and their last changes; at the end all their records are pulled.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat
from statistics import median
from typing import Any, Final

from tests.bench import machine
from tests.bench.arena import Arena, Runner
from tests.bench.contestants import Contestant
from tests.bench.load import Conversation, ask
from tests.bench.operations import OPERATIONS, PULLED, Client, Operation, again, get_one, list_fifty
from tests.bench.planting import Person
from tests.bench.rounds import Say, figures

SMALL: Final = (100,) * 100
RICH: Final = 100_000
WANTED: Final = 1.2
MOST_MIB: Final = 120
MOST_MORE_MIB: Final = 50
_PAGE: Final = 500
_LAST: Final = 10


@dataclass(frozen=True)
class Growth:
    """One operation: µs of server and database, in the small and in the large database."""

    title: str
    small: float
    large: float


@dataclass(frozen=True)
class Memory:
    """MiB of the worker: after the start, the maximum during reads, and the maximum during the pull."""

    begin: float
    reading: float
    pulling: float
    pulled: int


def large() -> Iterator[int]:
    """Return the number of records of each person in the large database."""
    return chain([RICH], repeat(90, 10_000))


def incremental(client: Client) -> Conversation:
    """Read the last ten changes."""
    return again(
        [
            client.request(person, "GET", f"/v1/sync/changes?since={client.version(max(person.seqs.values()) - _LAST)}")
            for person in client.people
        ]
    )


def _changed(body: dict[str, Any]) -> None:
    assert len(body["changes"]) == _LAST, len(body["changes"])


def measure(
    arena: Arena, contestant: Contestant, *, seconds: float, rounds: int, say: Say
) -> tuple[list[Growth], Memory]:
    """Measure both databases in turn."""
    say("planting a small world and a large one: a million rows")
    small = arena.start(contestant, arena.world(SMALL))
    grown = arena.start(contestant, arena.world(large()))
    begin = machine.resident_mib(grown.process.pid)
    # as many people as in the small world, so that the tokens are remembered in both
    everybody, some, rich = slice(0, None), slice(1, None, 100), slice(0, 1)
    pull = Operation("pull", "pull of the last ten changes", incremental, everybody, 200, _changed)
    first = OPERATIONS["list"]
    deep = _deep(grown, grown.world.people[0])
    pairs = [
        ("GET one", replace(OPERATIONS["get"], talk=get_one, people=everybody), some, None),
        ("list, first page", replace(first, talk=list_fifty, people=everybody), some, None),
        ("list, first page, of the rich", replace(first, talk=list_fifty, people=everybody), rich, None),
        (f"list, {_PAGE}th page, of the rich", replace(first, talk=list_fifty, people=everybody), rich, deep),
        (pull.title, pull, some, None),
        (f"{pull.title}, of the rich", pull, rich, None),
    ]
    found, reading = [], begin
    for title, operation, chosen, talk in pairs:
        there = replace(operation, people=chosen, talk=talk or operation.talk, connections=1 if chosen == rich else 16)
        here = replace(operation, connections=there.connections)
        costs: tuple[list[float], list[float]] = ([], [])
        for number in range(rounds):
            say(f"growth · {title} · round {number + 1} of {rounds}")
            for runner, each, into in ((small, here, costs[0]), (grown, there, costs[1])):
                runner.check(each)
                seen = figures(arena, runner, each, seconds)
                into.append(seen.server + seen.database)
        found.append(Growth(title, median(costs[0]), median(costs[1])))
        reading = max(reading, machine.resident_mib(grown.process.pid))
    return found, _pulling(grown, begin, reading)


def _deep(runner: Runner, person: Person) -> Any:
    """Return the requests for the 500th page, whose cursor is found page by page."""
    client, cursor = Client([person], ours=True), ""
    for limit in chain(repeat(200, (_PAGE - 2) // 4), repeat(50, (_PAGE - 2) % 4 + 1)):
        path = f"/v1/intentions?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        cursor = json.loads(_answered(runner, client.request(person, "GET", path)))["next_cursor"]
    request = client.request(person, "GET", f"/v1/intentions?limit=50&cursor={cursor}")
    return lambda _client: again([request])


def _pulling(runner: Runner, begin: float, reading: float) -> Memory:
    person = runner.world.people[0]
    client, cursor, pulled, most = Client([person], ours=True), "0", 0, 0.0
    more = True
    while more:
        path = f"/v1/sync/changes?since={cursor}&limit={PULLED}"
        page = json.loads(_answered(runner, client.request(person, "GET", path)))
        cursor, more, pulled = page["cursor"], page["has_more"], pulled + len(page["changes"])
        most = max(most, machine.resident_mib(runner.process.pid))
    return Memory(begin, reading, most, pulled)


def _answered(runner: Runner, request: bytes) -> bytes:
    answer = ask(runner.address, again([request]))
    assert answer.status == 200, answer.body
    return answer.body


def markdown(found: list[Growth], memory: Memory) -> str:
    """Return the result as Markdown."""
    lines = [
        "### Growth, from 10 000 rows to 1 000 000, PostgreSQL",
        "",
        "| server and database, µs | small | large | times | |",
        "|---|--:|--:|--:|---|",
    ]
    lines += [
        f"| {each.title} | {each.small:,.0f} | {each.large:,.0f} | {each.large / each.small:.2f} "
        f"| {'met' if each.large / each.small <= WANTED else '**not met**'} |"
        for each in found
    ]
    more = memory.pulling - memory.reading
    holds = max(memory.reading, memory.pulling) < MOST_MIB and more <= MOST_MORE_MIB
    lines += [
        "",
        (
            f"The worker held {memory.begin:.0f} MiB after its start, at most {memory.reading:.0f} while it was read from, and "
            f"{memory.pulling:.0f} while {memory.pulled:,} records were pulled ({more:+.0f}; wanted under {MOST_MIB} and at most "
            f"+{MOST_MORE_MIB}): {'met' if holds else '**not met**'}."
        ),
    ]
    return "\n".join(lines)
