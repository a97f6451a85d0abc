"""Convergence: all devices and the server end with the same records, and no text is lost, with any failure in between.

A stateful property test: the devices of one person create, change, remove, sync and resolve at random. Requests are lost
before the server gets them, and responses after it has executed them; tombstones are purged; the database is restored from
older copies. After all devices have synced, all records are compared, and each text that was written is looked for.
`mutants` shows that this test can fail; `long` runs it for longer, with workers that are killed.
"""

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.conftest import Servers
from tests.sync import random_edits
from tests.sync.backend import Backend
from tests.sync.simulation import Simulation
from tests.sync.text_tracker import TrackedDevice

SEEDS = st.integers(0, 2**32 - 1)
MAX_COPIES = 3
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
    """The random steps."""

    backend: Backend
    simulation: Simulation
    steps: Counter[str]

    @initialize(number=SEEDS)
    def begin(self, number: int) -> None:
        """Start with three empty devices; the number is the seed of all random choices."""
        self.rng = Random(number)  # noqa: S311 - repeatable, not secret
        self.simulation = Simulation(self.backend, 3, self.rng)

    @rule(actions=st.integers(1, 3))
    def edit_on_device(self, actions: int) -> None:
        """Create, change, remove or resolve on one device."""
        device = self._random_device()
        for _ in range(actions):
            random_edits.act(device, self.rng)

    @rule(is_safe=st.booleans(), atomic=st.booleans())
    def sync_device(self, *, is_safe: bool, atomic: bool) -> None:
        """Sync one device; requests and responses may be lost."""
        self.simulation.use_network(
            self._random_device(), lambda device: device.sync(atomic=atomic), [] if is_safe else self._faults()
        )

    @rule()
    def push_from_device(self) -> None:
        """Push from one device without a pull."""
        self.simulation.use_network(self._random_device(), lambda device: device.push(), self._faults())

    @rule(what=st.sampled_from(["act", "act", "purge", "copy", "restore", "rest"]))
    def other_step(self, what: str) -> None:
        """Purge, copy the database, restore a copy, sync all devices and compare, or edit."""
        if what == "purge":
            self.simulation.purge()
        elif what == "rest":
            self.simulation.settle_and_compare(self.rng)
        elif what == "restore" and self.simulation.copies:
            self.simulation.restore(self.rng)
        elif what == "copy" and len(self.simulation.copies) < MAX_COPIES:
            self.simulation.copy_database()
        else:
            self.edit_on_device(3)

    @invariant()
    def count(self) -> None:
        """Count the steps."""
        self.steps["taken"] += 1

    def _random_device(self) -> TrackedDevice:
        return self.rng.choice(self.simulation.devices)

    def _faults(self) -> list[str]:
        return self.rng.choices(["served", "served", "request lost", "response lost"], k=self.rng.randrange(5))

    def teardown(self) -> None:
        """Sync all devices and compare."""
        if hasattr(self, "simulation"):
            self.simulation.settle_and_compare(self.rng)


def run_convergence(backend: Backend, hypothesis_settings: settings = BOUNDED, first_seed: int | None = None) -> int:
    """Run the test on a backend with a seed, by default always the same; return the number of steps."""
    steps = Counter[str]()
    machine = type("Convergence", (Convergence,), {"backend": backend, "steps": steps})
    run_state_machine_as_test(
        machine if first_seed is None else seed(first_seed)(machine), settings=hypothesis_settings
    )
    return steps.total()


@pytest.fixture
def backend(servers: Servers, database: str) -> Iterator[Backend]:
    backend = Backend(servers.settings(database))
    backend.open()
    yield backend
    backend.end()


def test_all_devices_and_the_server_end_with_the_same_records(backend: Backend, database: str) -> None:
    run_convergence(backend, BOUNDED if database == "sqlite" else settings(BOUNDED, max_examples=6))
