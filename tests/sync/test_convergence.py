"""Convergence: whatever is lost on the way, every phone and the server come to hold the same, and no word is missing.

A model-based test: phones of one person write, change, remove, sync and decide at random, while requests are lost before
the server has them and answers after it has carried them out, tombstones are purged, and the database is restored from
older copies. Whenever all is quiet, everything is compared, and the ledger is asked for each text ever written. What
makes sure that this test can fail is `mutants`; `long` runs it for longer, with workers that are killed.
"""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.conftest import Servers
from tests.sync import person
from tests.sync.household import Household
from tests.sync.world import World

RANDOMLY = st.integers(0, 2**32 - 1).map(Random)
PHONES = ("phone", "tablet", "old phone")
NUMBERS = st.integers(0, len(PHONES) - 1)
MOST_COPIES = 3
FATES = st.lists(st.sampled_from(["served", "served", "request lost", "answer lost"]), max_size=4)
BOUNDED = settings(
    max_examples=18,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
    print_blob=True,
)


class Convergence(RuleBasedStateMachine):
    """What can happen, step by step."""

    world: World
    home: Household

    @initialize(rng=RANDOMLY)
    def begin(self, rng: Random) -> None:
        """Begin with empty phones."""
        self.home = Household(self.world, len(PHONES), rng)

    @rule(number=NUMBERS, deeds=st.integers(1, 3), rng=RANDOMLY)
    def person_acts(self, number: int, deeds: int, rng: Random) -> None:
        """Write, change, remove, or decide, with one phone."""
        for _ in range(deeds):
            person.acts(self.home.phones[number], rng)

    @rule(number=NUMBERS, fates=FATES, atomic=st.booleans())
    def phone_syncs(self, number: int, fates: list[str], *, atomic: bool) -> None:
        """Sync one phone, as far as the network lets it."""
        self.home.acts(self.home.phones[number], lambda phone: phone.sync(atomic=atomic), fates)

    @rule(number=NUMBERS, fates=FATES)
    def phone_pushes(self, number: int, fates: list[str]) -> None:
        """Push from one phone that has not pulled."""
        self.home.acts(self.home.phones[number], lambda phone: phone.push(), fates)

    @rule(what=st.sampled_from(["purge", "copy", "restore", "rest"]), rng=RANDOMLY)
    def something_happens(self, what: str, rng: Random) -> None:
        """Purge, keep a copy of the database, restore one, or let everything come to rest."""
        if what == "purge":
            self.home.purge()
        elif what == "rest":
            self.home.comes_to_rest(rng)
        elif what == "restore" and self.home.copies:
            self.home.restore(rng)
        elif len(self.home.copies) < MOST_COPIES:
            self.home.copy()

    def teardown(self) -> None:
        """Let everything come to rest."""
        if hasattr(self, "home"):
            self.home.comes_to_rest(Random(0))  # noqa: S311 - to be repeated, not to be secret


def converges(world: World, how: settings = BOUNDED) -> None:
    """Run the test against a world; say how much was tried."""
    machine = type("Convergence", (Convergence,), {"world": world})
    run_state_machine_as_test(machine, settings=how)
    print(f"{how.max_examples} runs of at most {how.stateful_step_count} steps: all came to rest")  # noqa: T201


@pytest.fixture
def world(servers: Servers, database: str) -> Iterator[World]:
    world = World(servers.settings(database))
    world.open()
    yield world
    world.end()


def test_every_phone_and_the_server_come_to_hold_the_same(world: World, database: str) -> None:
    converges(world, BOUNDED if database == "sqlite" else settings(BOUNDED, max_examples=6))
