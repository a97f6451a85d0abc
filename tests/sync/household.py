"""A household: the phones of one person, the server that they sync with, and what is true once all is quiet."""

from collections.abc import Callable
from random import Random
from typing import Final

from tests.sync import person
from tests.sync.device import Device, Transport
from tests.sync.ledger import Ledger, WatchedDevice, texts
from tests.sync.notebook import Json, Key
from tests.sync.world import World

PATIENCE: Final = 6
"""After so many rounds people choose what the server has."""
ROUNDS: Final = 14
OWN: Final = {"base", "was"}


class Household:
    """Phones of one person."""

    def __init__(self, world: World, phones: int, rng: Random) -> None:
        """Begin with empty phones; some read by tiny pages, and some push little at once."""
        self.world, self.ledger = world, Ledger()
        self.account = world.account()
        self._calls = [world.sign_in(self.account) for _ in range(phones + 1)]
        self._fates: list[str] = []
        self.phones = [
            WatchedDevice(
                self._line(number), self.ledger, page=rng.choice([1, 2, 3, 500]), most_ops=rng.choice([2, 500])
            )
            for number in range(phones)
        ]
        self.copies: list[tuple[str, set[str], set[Key]]] = []
        self._epochs: set[int] = set()

    def _line(self, number: int) -> Transport:
        """Return the line of one phone, on which requests and answers may be lost."""

        def call(method: str, path: str, body: Json | None) -> tuple[int, Json]:
            fate = self._fates.pop(0) if self._fates else "served"
            if fate == "request lost":
                raise ConnectionError
            answer = self._calls[number](method, path, body)
            if fate == "answer lost":
                raise ConnectionError
            return answer

        return call

    def acts(self, phone: WatchedDevice, act: Callable[[WatchedDevice], object], fates: list[str]) -> None:
        """Let a phone use the network; `fates` say what becomes of its requests, in turn."""
        self._fates = [*fates]
        with phone.syncing():
            act(phone)
        self._fates = []

    def purge(self) -> None:
        """Purge. A phone that never heard whether its record was created may create it again."""
        self.world.purge()
        for phone in self.phones:
            for key, entry in phone.store.items():
                if any(op is not None and not op.keys() & OWN for op in (entry.sent, entry.edit)):
                    self.ledger.closed.discard(key)

    def copy(self) -> None:
        """Keep a copy of the database."""
        records = self.served()
        held = {text for record in records.values() for text in texts(record)}
        self.copies.append((self.world.copy(), held, {*records}))

    def restore(self, rng: Random) -> None:
        """Restore one of the copies; every phone signs in again."""
        copy, held, living = rng.choice(self.copies)
        self._epochs.add(self._epoch())
        self.world.restore(copy)
        self._calls = [self.world.sign_in(self.account) for _ in self._calls]
        while self._epoch() in self._epochs:  # a database restored twice may come to an epoch that it had
            self.world.begin_epochs()
            self._calls = [self.world.sign_in(self.account) for _ in self._calls]
        self.ledger.restored(held, {text for phone in self.phones for text in phone.holds()})
        self.ledger.closed -= living.union(*(phone.store for phone in self.phones))

    def _epoch(self) -> int:
        cursor = int(self._calls[-1]("GET", "/v1/sync", None)[1]["cursor"])
        return cursor // 2**40

    def served(self) -> dict[Key, Json]:
        """Return all that the server has, as a new phone gets it."""
        phone = Device(self._calls[-1], page=7)
        phone.pull()
        return {key: entry.record for key, entry in phone.store.items() if entry.record is not None}

    def _listed(self) -> dict[Key, Json]:
        found: dict[Key, Json] = {}
        for collection in person.TEXTS:
            path: str | None = f"/v1/{collection}?limit=200"
            while path is not None:
                _, page = self._calls[-1]("GET", path, None)
                for record in page["items"]:
                    assert (collection, record["id"]) not in found
                    found[collection, record["id"]] = record
                path = page["next_cursor"] and f"/v1/{collection}?limit=200&cursor={page['next_cursor']}"
        return found

    def comes_to_rest(self, rng: Random) -> None:
        """Let every phone sync and everything be decided, until nothing is left; then compare."""
        with self.world.calm():
            self._settle(rng)
        self._compare()

    def _settle(self, rng: Random) -> None:
        for turn in range(ROUNDS):
            before = [phone.cursor for phone in self.phones]
            for phone in self.phones:
                phone.sync(atomic=rng.random() < 0.2)
                for key in [*phone.waiting]:
                    person.decides(phone, key, rng, patient=turn < PATIENCE)
            is_pushed = all(entry.is_pushed for phone in self.phones for entry in phone.store.values())
            if is_pushed and before == [phone.cursor for phone in self.phones] and len(set(map(str, before))) == 1:
                break
        else:
            raise AssertionError([(phone.cursor, phone.waiting, phone.unpushed()) for phone in self.phones])

    def _compare(self) -> None:
        records = self.served()
        assert records == self._listed()
        assert len({record["version"] for record in records.values()}) == len(records)
        for phone in self.phones:
            assert not phone.waiting
            held = {key: entry.record for key, entry in phone.store.items()}
            differing = {key for key in held.keys() | records.keys() if held.get(key) != records.get(key)}
            assert not differing, [(held.get(key), records.get(key)) for key in differing]
        ids = {None, *(id for _, id in records)}
        for (collection, _), record in records.items():
            assert {record[field] for field in person.REFERENCES.get(collection, ())} <= ids
        assert not self.ledger.closed & records.keys(), "what was removed came back"
        assert not self.ledger.lost(records), "an acknowledged text is gone"
