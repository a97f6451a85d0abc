"""The offline half of the reference client: a person's records as the device has them, and what the person does to them.

A person's edits of a record add up to one operation, made from the version that they saw when they began. What is
written while an operation is on its way adds up to the next one. What collided waits for the person's choice.
"""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

Json = dict[str, Any]
Key = tuple[str, str]
"""A collection and an id."""
NOT_SET = {"id", "version", "created_at", "updated_at"}


@dataclass
class Entry:
    """One record: as the server last showed it, the operation whose outcome is not known, and the edits since.

    Where the server has it no more, but the person's edits are not pushed yet, it `is_gone`, and is kept for their sake.
    """

    record: Json | None = None
    sent: Json | None = None
    edit: Json | None = None
    is_gone: bool = False

    @property
    def is_pushed(self) -> bool:
        """Whether the server knows everything that the person did to it."""
        return self.sent is None and self.edit is None


def fields_of(record: Json) -> Json:
    """Return the fields that a person can set."""
    return {name: value for name, value in record.items() if name not in NOT_SET}


def seq(version: int) -> int:
    """Return a version's place in its feed, whatever the epoch."""
    return version % 2**40


def came_after(version: int, kept: int) -> bool:
    """Say whether a version surely came after what a backup kept: in the same epoch, the numbers tell."""
    return version > kept and version // 2**40 == kept // 2**40


def new_op(kind: str, key: Key, **members: Any) -> Json:
    """Return an operation on a record."""
    return {"op": kind, "collection": key[0], "id": key[1], **members}


def summed(sent: Json | None, edit: Json | None) -> Json | None:
    """Add an edit to an operation that had no effect; the sum is a new operation."""
    if sent is None:
        return edit
    known = {name: value for name, value in sent.items() if name not in {"op_id", "is_newer"}}
    if edit is None or sent["op"] == "delete":
        return known
    known |= {"op": edit["op"], "set": sent["set"] | edit.get("set", {})}
    return known if edit["op"] == "upsert" else {name: value for name, value in known.items() if name != "set"}


def said_with_was(edit: Json | None) -> Json | None:
    """Return an edit that names what its fields were, in place of a version that is of a lost epoch."""
    if edit is None or "base" not in edit:
        return edit
    return {name: value for name, value in edit.items() if name != "base"} | {"was": edit["seen"]}


class Notebook:
    """A person's records, wherever they are."""

    def __init__(self) -> None:
        """Begin empty."""
        self.store: dict[Key, Entry] = {}
        self.removed: dict[Key, int] = {}  # records that are gone, and the version in which they went
        self.waiting: dict[Key, Json] = {}  # results that a person has to look at
        self.cursor = "0"
        self.kept = 0  # how much of what is known here a restored backup had
        self.brought: set[Key] | None = None  # while starting over: what the pull has brought so far

    def get(self, key: Key) -> Json | None:
        """Return a record's fields as the person sees them: the server's, and their own edits on top."""
        entry = self.store.get(key, Entry())
        ops = [op for op in (entry.sent, entry.edit) if op is not None]
        if any(op["op"] == "delete" for op in ops) or (entry.record is None and not ops):
            return None
        seen = fields_of(entry.record or {})
        for op in ops:
            seen |= op["set"]
        return seen

    def create(self, collection: str, fields: Json) -> Key:
        """Write a new record."""
        key = (collection, str(uuid4()))
        self.store[key] = Entry(edit=new_op("upsert", key, set=fields))
        return key

    def change(self, key: Key, fields: Json) -> None:
        """Change fields of a record that the person sees."""
        entry = self.store[key]
        edit = entry.edit or new_op("upsert", key, set={}, **self._known(key, entry))
        entry.edit = edit | {"set": edit["set"] | fields}
        self._look_again(key)

    def remove(self, key: Key) -> None:
        """Remove a record; elements go with their session."""
        for child in [each for each in self.store if each[0] == "elements" and key[0] == "sessions"]:
            if (self.get(child) or {}).get("session_id") == key[1]:
                self.remove(child)
        entry = self.store[key]
        self._look_again(key)
        if entry.record is None and entry.sent is None:
            self.waiting.pop(key, None)
            del self.store[key]
            return
        edit = entry.edit or {}
        known: Json = {name: edit[name] for name in ("base", "was", "seen") if name in edit} or self._known(key, entry)
        entry.edit = new_op("delete", key, **known)

    def resolve(self, key: Key, *, mine: bool, merged: Json | None = None) -> None:
        """Decide what waits: for the person's edits, with what they `merged` by hand, or for what the server has."""
        entry, result = self.store[key], self.waiting.pop(key)
        theirs, edit = result["record"], entry.edit
        if not mine or edit is None or (theirs is None and edit["op"] == "delete"):
            entry.edit = None
            if entry.record is None or entry.is_gone:
                del self.store[key]
        elif theirs is None:
            entry.edit = new_op("upsert", key, set=(self.get(key) or {}) | (merged or {}), undelete=True)
        else:
            known: Json = {"base": theirs["version"], "seen": fields_of(theirs)}
            fields = {} if edit["op"] == "delete" else {"set": edit["set"] | (merged or {})}
            entry.edit = new_op(edit["op"], key, **fields, **known)

    def _known(self, key: Key, entry: Entry) -> Json:
        """Return what an edit that begins now is made from: the record's version, and what is on its way itself."""
        seen = self.get(key)
        if entry.record is None or self.brought is not None:  # versions mean nothing while starting over
            return {"was": seen, "seen": seen}
        on_its_way = {"was": entry.sent["set"]} if entry.sent else {}
        return {"base": entry.record["version"], "seen": seen} | on_its_way

    def _look_again(self, key: Key) -> None:
        """Push what was rejected again, for the person has changed it."""
        if self.waiting.get(key, {}).get("outcome") == "rejected":
            del self.waiting[key]

    def adopt(self, key: Key, record: Json | None, version: int) -> None:
        """Take over what the server has; a person's edits stay on top, also where it has nothing any more."""
        entry = self.store.setdefault(key, Entry())
        entry.is_gone = record is None
        if record is None:
            self.removed[key] = version
            if entry.is_pushed:
                del self.store[key]
            return
        entry.record = record
        if came_after(self.removed.pop(key, 0), self.kept) and 0 < seq(version) <= seq(self.kept):
            self.remove(key)  # its removal came after the backup
