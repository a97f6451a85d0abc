"""Convergence: whatever is lost on the way, every phone and the server come to hold the same, and no word is missing.

A model-based test: phones of one person write, change, remove, sync and decide at random, while requests are lost before
the server has them and answers after it has carried them out, tombstones are purged, and the database is restored from
older copies. Whenever all is quiet, everything is compared, and the ledger is asked for each text ever written. What
makes sure that this test can fail is `mutants`; `long` runs it for longer, with workers that are killed.
"""

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.conftest import Servers
from tests.sync import person
from tests.sync.household import Household
from tests.sync.ledger import WatchedDevice
from tests.sync.world import World

SEEDS = st.integers(0, 2**32 - 1)
MOST_COPIES = 3
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
    steps: Counter[str]

    @initialize(number=SEEDS)
    def begin(self, number: int) -> None:
        """Begin with three empty phones; the number says who does what, and what is lost."""
        self.rng = Random(number)  # noqa: S311 - to be repeated, not to be secret
        self.home = Household(self.world, 3, self.rng)

    @rule(deeds=st.integers(1, 3))
    def person_acts(self, deeds: int) -> None:
        """Write, change, remove, or decide, with one phone."""
        phone = self._phone()
        for _ in range(deeds):
            person.acts(phone, self.rng)

    @rule(is_safe=st.booleans(), atomic=st.booleans())
    def phone_syncs(self, *, is_safe: bool, atomic: bool) -> None:
        """Sync one phone, as far as the network lets it."""
        self.home.acts(self._phone(), lambda phone: phone.sync(atomic=atomic), [] if is_safe else self._fates())

    @rule()
    def phone_pushes(self) -> None:
        """Push from one phone that has not pulled."""
        self.home.acts(self._phone(), lambda phone: phone.push(), self._fates())

    @rule(what=st.sampled_from(["act", "act", "purge", "copy", "restore", "rest"]))
    def something_happens(self, what: str) -> None:
        """Purge, keep a copy of the database, restore one, let everything come to rest, or go on."""
        if what == "purge":
            self.home.purge()
        elif what == "rest":
            self.home.comes_to_rest(self.rng)
        elif what == "restore" and self.home.copies:
            self.home.restore(self.rng)
        elif what == "copy" and len(self.home.copies) < MOST_COPIES:
            self.home.copy()
        else:
            self.person_acts(3)

    @invariant()
    def count(self) -> None:
        """Count the steps."""
        self.steps["taken"] += 1

    def _phone(self) -> WatchedDevice:
        return self.rng.choice(self.home.phones)

    def _fates(self) -> list[str]:
        return self.rng.choices(["served", "served", "request lost", "answer lost"], k=self.rng.randrange(5))

    def teardown(self) -> None:
        """Let everything come to rest."""
        if hasattr(self, "home"):
            self.home.comes_to_rest(self.rng)


def converges(world: World, how: settings = BOUNDED, begun: int | None = None) -> int:
    """Run the test against a world, from a seed or from the same one as always; return how many steps were taken."""
    steps = Counter[str]()
    machine = type("Convergence", (Convergence,), {"world": world, "steps": steps})
    run_state_machine_as_test(machine if begun is None else seed(begun)(machine), settings=how)
    return steps.total()


@pytest.fixture
def world(servers: Servers, database: str) -> Iterator[World]:
    world = World(servers.settings(database))
    world.open()
    yield world
    world.end()


def test_every_phone_and_the_server_come_to_hold_the_same(world: World, database: str) -> None:
    converges(world, BOUNDED if database == "sqlite" else settings(BOUNDED, max_examples=6))
