"""Simulates the devices of one account, and checks that they and the server end with the same records."""

from collections.abc import Callable
from random import Random
from typing import Final

from tests.sync import random_edits
from tests.sync.backend import Backend
from tests.sync.device import Device, Transport
from tests.sync.local_store import Json, Key
from tests.sync.text_tracker import TextTracker, TrackedDevice, texts

ROUNDS_WITH_CHOICE: Final = 6
"""After this number of rounds, people resolve each conflict for the server's state, so that the simulation ends."""
MAX_ROUNDS: Final = 14
BASES: Final = {"base", "was"}


class Simulation:
    """The devices of one account, and a backend."""

    def __init__(self, backend: Backend, devices: int, rng: Random) -> None:
        """Start with empty devices; some pull small pages, and some push small batches."""
        self.backend, self.tracker = backend, TextTracker()
        self._account = backend.new_account()
        self._calls = [backend.sign_in(self._account) for _ in range(devices + 1)]
        self._faults: list[str] = []
        self.devices = [
            TrackedDevice(
                self._transport(number), self.tracker, page=rng.choice([1, 2, 3, 500]), most_ops=rng.choice([2, 500])
            )
            for number in range(devices)
        ]
        self.copies: list[tuple[str, set[str], set[Key]]] = []
        self._epochs: set[int] = set()

    def _transport(self, number: int) -> Transport:
        """Return the function that sends a device's requests; requests and responses may be lost."""

        def call(method: str, path: str, body: Json | None) -> tuple[int, Json]:
            fault = self._faults.pop(0) if self._faults else "served"
            if fault == "request lost":
                raise ConnectionError
            response = self._calls[number](method, path, body)
            if fault == "response lost":
                raise ConnectionError
            return response

        return call

    def use_network(self, device: TrackedDevice, act: Callable[[TrackedDevice], object], faults: list[str]) -> None:
        """Let a device send requests; `faults` are the faults of the requests, in order."""
        self._faults = [*faults]
        with device.syncing():
            act(device)
        self._faults = []

    def purge(self) -> None:
        """Purge. A device that has no result of a creation may then create the record again."""
        self.backend.purge()
        for device in self.devices:
            for key, entry in device.store.items():
                if any(op is not None and not op.keys() & BASES for op in (entry.sent, entry.edit)):
                    self.tracker.removed.discard(key)

    def copy_database(self) -> None:
        """Keep a copy of the database."""
        records = self.server_records()
        held = {text for record in records.values() for text in texts(record)}
        self.copies.append((self.backend.copy_database(), held, {*records}))

    def restore(self, rng: Random) -> None:
        """Restore one of the copies; all devices sign in again."""
        copy, held, living = rng.choice(self.copies)
        self._epochs.add(self._epoch())
        self.backend.restore(copy)
        self._calls = [self.backend.sign_in(self._account) for _ in self._calls]
        while self._epoch() in self._epochs:  # two restores of one copy may choose the same epoch
            self.backend.start_new_epochs()
            self._calls = [self.backend.sign_in(self._account) for _ in self._calls]
        self.tracker.restore(held, {text for device in self.devices for text in device.all_texts()})
        self.tracker.removed -= living.union(*(device.store for device in self.devices))

    def _epoch(self) -> int:
        cursor = int(self._calls[-1]("GET", "/v1/sync", None)[1]["cursor"])
        return cursor // 2**40

    def server_records(self) -> dict[Key, Json]:
        """Return all records of the server, as a new device pulls them."""
        device = Device(self._calls[-1], page=7)
        device.pull()
        return {key: entry.record for key, entry in device.store.items() if entry.record is not None}

    def _listed_records(self) -> dict[Key, Json]:
        found: dict[Key, Json] = {}
        for collection in random_edits.TEXTS:
            path: str | None = f"/v1/{collection}?limit=200"
            while path is not None:
                _, page = self._calls[-1]("GET", path, None)
                for record in page["items"]:
                    assert (collection, record["id"]) not in found
                    found[collection, record["id"]] = record
                path = page["next_cursor"] and f"/v1/{collection}?limit=200&cursor={page['next_cursor']}"
        return found

    def settle_and_compare(self, rng: Random) -> None:
        """Sync all devices and resolve all conflicts until nothing changes; then compare devices and server."""
        with self.backend.without_failures():
            self._settle(rng)
        self._compare()

    def _settle(self, rng: Random) -> None:
        for turn in range(MAX_ROUNDS):
            before = [device.cursor for device in self.devices]
            for device in self.devices:
                device.sync(atomic=rng.random() < 0.2)
                for key in [*device.unresolved]:
                    random_edits.resolve(device, key, rng, may_keep=turn < ROUNDS_WITH_CHOICE)
            is_pushed = all(entry.is_pushed for device in self.devices for entry in device.store.values())
            if is_pushed and before == [device.cursor for device in self.devices] and len(set(map(str, before))) == 1:
                break
        else:
            raise AssertionError([(device.cursor, device.unresolved, device.unpushed()) for device in self.devices])

    def _compare(self) -> None:
        records = self.server_records()
        assert records == self._listed_records()
        assert len({record["version"] for record in records.values()}) == len(records)
        for device in self.devices:
            assert not device.unresolved
            held = {key: entry.record for key, entry in device.store.items()}
            differing = {key for key in held.keys() | records.keys() if held.get(key) != records.get(key)}
            assert not differing, [(held.get(key), records.get(key)) for key in differing]
        ids = {None, *(id for _, id in records)}
        for (collection, _), record in records.items():
            assert {record[field] for field in random_edits.REFERENCES.get(collection, ())} <= ids
        assert not self.tracker.removed & records.keys(), "a removed record is there again"
        assert not self.tracker.missing(records), "an acknowledged text is missing"
