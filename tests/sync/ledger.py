"""The ledger: every word that a person ever wrote, and why it may be gone.

Each text that is written is unique. It may be gone only where somebody who saw it wrote another in its place, chose
another, or removed the record, and the server acknowledged that; where its session was removed; or where the database
was restored and neither the backup nor any device had it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from tests.sync.device import Device, Transport
from tests.sync.notebook import Json, Key

MARK = "wisteria"


def texts(fields: Json | None) -> set[str]:
    """Return the texts among fields that a person wrote."""
    return {value for value in (fields or {}).values() if isinstance(value, str) and value.startswith(MARK)}


class Ledger:
    """What was written, and what may be gone."""

    def __init__(self) -> None:
        self.written: dict[str, Key] = {}
        """Every text that has to be somewhere, and the record that it was written in."""
        self.seen: defaultdict[str, set[str]] = defaultdict(set)
        """What the person saw in a text's place when they wrote it, and what had been there before."""
        self.excused: set[str] = set()
        self.closed: set[Key] = set()
        """The records whose removal was acknowledged, and that nobody brought back."""
        self.sessions_gone: set[str] = set()
        self.sessions_of: defaultdict[Key, set[str]] = defaultdict(set)
        """The sessions that an element was ever in."""
        self._number = 0

    def text(self) -> str:
        """Return a new text."""
        self._number += 1
        return f"{MARK} {self._number}"

    def wrote(self, key: Key, fields: Json, before: Json | None) -> None:
        """Note what somebody wrote in a record, who saw what it was before."""
        for name, value in fields.items():
            for text in texts({name: value}):
                self.written[text] = key
                self.saw(text, texts({name: (before or {}).get(name)}) - {text})
        if key[0] == "elements" and "session_id" in fields:
            self.sessions_of[key].add(fields["session_id"])

    def saw(self, text: str, others: Iterable[str]) -> None:
        """Note that a text was chosen by somebody who saw others."""
        for other in others:
            self.seen[text] |= {other} | self.seen[other]

    def excuse(self, gone: Iterable[str]) -> None:
        """Note that texts may be gone, and what they had taken the place of."""
        for text in [*gone]:
            self.excused |= {text} | self.seen[text]

    def restored(self, backup: set[str], kept: set[str]) -> None:
        """Forget what neither the backup nor any device has: nobody can bring it back."""
        there = {text for each in backup | kept for text in {each} | self.seen[each]}
        self.written = {text: key for text, key in self.written.items() if text in there}

    def lost(self, records: dict[Key, Json]) -> set[str]:
        """Return the texts that are gone without a reason, given all there is."""
        there = {text for record in records.values() for text in texts(record)}
        missing = self.written.keys() - there - self.excused
        return {text for text in missing if not self._went_with_its_session(self.written[text], records)}

    def _went_with_its_session(self, key: Key, records: dict[Key, Json]) -> bool:
        return key not in records and bool(self.sessions_of[key] & self.sessions_gone)


class WatchedDevice(Device):
    """A device whose person's doings are noted in the ledger; what the device does by itself excuses nothing."""

    def __init__(self, call: Transport, ledger: Ledger, *, page: int, most_ops: int) -> None:
        super().__init__(call, page=page, most_ops=most_ops)
        self.ledger = ledger
        self._leaving: defaultdict[Key, set[str]] = defaultdict(set)
        """What the person saw in records that they removed."""
        self._is_syncing = False

    @contextmanager
    def syncing(self) -> Iterator[None]:
        """Let the device act by itself, until an answer does not come."""
        self._is_syncing = True
        with suppress(ConnectionError):
            yield
        self._is_syncing = False

    def unpushed(self) -> Json:
        """Return what is not pushed yet, to be read by whoever looks into a failure."""
        return {key[1]: (entry.sent, entry.edit) for key, entry in self.store.items() if not entry.is_pushed}

    def holds(self) -> set[str]:
        """Return every text that is on the device, pushed or not."""
        entries = self.store.values()
        shown = [entry.record for entry in entries]
        own = [op.get("set") for entry in entries for op in (entry.sent, entry.edit) if op is not None]
        return {text for fields in (*shown, *own) for text in texts(fields)}

    def create(self, collection: str, fields: Json) -> Key:
        """Write a new record."""
        key = super().create(collection, fields)
        self.ledger.wrote(key, fields, None)
        return key

    def change(self, key: Key, fields: Json) -> None:
        """Change a record."""
        self.ledger.wrote(key, fields, self.get(key))
        super().change(key, fields)

    def remove(self, key: Key) -> None:
        """Remove a record: what was not acknowledged is gone at once, the rest once its removal is."""
        if not self._is_syncing:
            entry = self.store[key]
            for op in (entry.sent, entry.edit):
                self.ledger.excuse(texts((op or {}).get("set")))
            self._leaving[key] |= texts(self.get(key))
        super().remove(key)

    def resolve(self, key: Key, *, mine: bool, merged: Json | None = None) -> None:
        """Choose, having seen both."""
        entry, theirs = self.store[key], self.waiting[key]["record"]
        own = (entry.edit or {}).get("set", {})
        if not self._is_syncing:
            if mine and own:
                self.ledger.wrote(key, own, theirs)
                self.ledger.wrote(key, merged or {}, theirs)
                self.ledger.wrote(key, merged or {}, own)
            elif mine:
                self._leaving[key] |= texts(theirs)
            else:
                self.ledger.excuse(texts(own if theirs else self.get(key) or own) | self._leaving.pop(key, set()))
        super().resolve(key, mine=mine, merged=merged)

    def _learn(self, op: Json, result: Json) -> bool:
        key, lives = (op["collection"], op["id"]), result["record"] is not None
        if result["outcome"] in {"applied", "unchanged"}:
            for text in texts(op.get("set")):
                self.ledger.excuse(self.ledger.seen[text] - {text})
            if op["op"] == "delete":
                self.ledger.excuse(self._leaving.pop(key, ()))
                self.ledger.sessions_gone.add(op["id"])
            if op["op"] == "delete" and not lives:
                self.ledger.closed.add(key)
            if lives and ("undelete" in op or "if_missing" in op):
                self.ledger.closed.discard(key)
        return super()._learn(op, result)
