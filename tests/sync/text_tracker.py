"""Tracks every text that a person wrote, and whether it may be missing.

Each text is unique. It may be missing only if a person who saw it replaced it, chose another one or removed the record,
and the server acknowledged that; if what it belongs to was removed; or if the database was restored, and neither the backup nor
a device had the text.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from tests.sync.device import Device, Transport
from tests.sync.local_store import PARENTS, Json, Key

MARK = "wisteria"


def texts(fields: Json | None) -> set[str]:
    """Return the values of fields that are tracked texts."""
    return {value for value in (fields or {}).values() if isinstance(value, str) and value.startswith(MARK)}


class TextTracker:
    """All texts, and those that may be missing."""

    def __init__(self) -> None:
        self.records_of_texts: dict[str, Key] = {}
        """The record of each text."""
        self.seen: defaultdict[str, set[str]] = defaultdict(set)
        """The texts that each text replaced, directly or indirectly."""
        self.may_be_missing: set[str] = set()
        self.removed: set[Key] = set()
        """The records whose removal was acknowledged, and that were not restored since."""
        self.removed_parents: set[str] = set()
        self.parents_of: defaultdict[Key, set[str]] = defaultdict(set)
        """All records that each record ever belonged to: the sessions of an element."""
        self._number = 0

    def new_text(self) -> str:
        """Return a new text."""
        self._number += 1
        return f"{MARK} {self._number}"

    def add_write(self, key: Key, fields: Json, before: Json | None) -> None:
        """Note the fields that a person wrote in a record, and the fields that they saw before."""
        for name, value in fields.items():
            for text in texts({name: value}):
                self.records_of_texts[text] = key
                self.add_seen(text, texts({name: (before or {}).get(name)}) - {text})
        parent = PARENTS.get(key[0], ("", ""))[0]
        if parent in fields:
            self.parents_of[key].add(fields[parent])

    def add_seen(self, text: str, others: Iterable[str]) -> None:
        """Note that a person who saw `others` chose a text."""
        for other in others:
            self.seen[text] |= {other} | self.seen[other]

    def allow_missing(self, texts: Iterable[str]) -> None:
        """Note that texts, and all that they replaced, may be missing."""
        for text in [*texts]:
            self.may_be_missing |= {text} | self.seen[text]

    def restore(self, backup: set[str], kept: set[str]) -> None:
        """Forget the texts that neither the backup nor a device has."""
        present = {text for each in backup | kept for text in {each} | self.seen[each]}
        self.records_of_texts = {text: key for text, key in self.records_of_texts.items() if text in present}

    def missing(self, records: dict[Key, Json]) -> set[str]:
        """Return the texts that are missing without a reason, given all records of the server."""
        present = {text for record in records.values() for text in texts(record)}
        missing = self.records_of_texts.keys() - present - self.may_be_missing
        return {text for text in missing if not self._was_removed_with_its_parent(self.records_of_texts[text], records)}

    def _was_removed_with_its_parent(self, key: Key, records: dict[Key, Json]) -> bool:
        return key not in records and bool(self.parents_of[key] & self.removed_parents)


class TrackedDevice(Device):
    """A device that notes what its person does; what it does on its own, while syncing, excuses no missing text."""

    def __init__(self, call: Transport, tracker: TextTracker, *, page: int, most_ops: int) -> None:
        super().__init__(call, page=page, most_ops=most_ops)
        self.tracker = tracker
        self._texts_of_removals: defaultdict[Key, set[str]] = defaultdict(set)
        """The texts that the person saw in records that they removed."""
        self._is_syncing = False

    @contextmanager
    def syncing(self) -> Iterator[None]:
        """Let the device sync; end the block if a response is lost."""
        self._is_syncing = True
        with suppress(ConnectionError):
            yield
        self._is_syncing = False

    def unpushed(self) -> Json:
        """Return what is not pushed yet, for the message of a failure."""
        return {key[1]: (entry.sent, entry.edit) for key, entry in self.store.items() if not entry.is_pushed}

    def all_texts(self) -> set[str]:
        """Return all texts on the device, pushed or not."""
        entries = self.store.values()
        shown = [entry.record for entry in entries]
        own = [op.get("set") for entry in entries for op in (entry.sent, entry.edit) if op is not None]
        return {text for fields in (*shown, *own) for text in texts(fields)}

    def create(self, collection: str, fields: Json) -> Key:
        """Create a record."""
        key = super().create(collection, fields)
        self.tracker.add_write(key, fields, None)
        return key

    def change(self, key: Key, fields: Json) -> None:
        """Change a record."""
        self.tracker.add_write(key, fields, self.get(key))
        super().change(key, fields)

    def remove(self, key: Key) -> None:
        """Remove a record: its unpushed texts may be missing at once, the others when the removal is acknowledged."""
        if not self._is_syncing:
            entry = self.store[key]
            for op in (entry.sent, entry.edit):
                self.tracker.allow_missing(texts((op or {}).get("set")))
            self._texts_of_removals[key] |= texts(self.get(key))
        super().remove(key)

    def resolve(self, key: Key, *, mine: bool, merged: Json | None = None) -> None:
        """Resolve a conflict; the person has seen both states."""
        entry, theirs = self.store[key], self.unresolved[key]["record"]
        own = (entry.edit or {}).get("set", {})
        if not self._is_syncing:
            if mine and own:
                self.tracker.add_write(key, own, theirs)
                self.tracker.add_write(key, merged or {}, theirs)
                self.tracker.add_write(key, merged or {}, own)
            elif mine:
                self._texts_of_removals[key] |= texts(theirs)
            else:
                self.tracker.allow_missing(
                    texts(own if theirs else self.get(key) or own) | self._texts_of_removals.pop(key, set())
                )
        super().resolve(key, mine=mine, merged=merged)

    def _apply_result(self, op: Json, result: Json) -> bool:
        key, lives = (op["collection"], op["id"]), result["record"] is not None
        if result["outcome"] in {"applied", "unchanged"}:
            for text in texts(op.get("set")):
                self.tracker.allow_missing(self.tracker.seen[text] - {text})
            if op["op"] == "delete":
                self.tracker.allow_missing(self._texts_of_removals.pop(key, ()))
                self.tracker.removed_parents.add(op["id"])
            if op["op"] == "delete" and not lives:
                self.tracker.removed.add(key)
            if lives and ("undelete" in op or "if_missing" in op):
                self.tracker.removed.discard(key)
        return super()._apply_result(op, result)
