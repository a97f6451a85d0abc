"""The local part of the reference client: the records on the device, and the person's edits of them.

The edits of a record are combined into one operation, whose base is the version that the person saw at the first edit.
Edits that are made while an operation is being sent are combined into the next one. A conflict waits for the person's
decision.
"""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

Json = dict[str, Any]
Key = tuple[str, str]
"""A collection and an id."""
PARENTS = {"elements": ("session_id", "sessions"), "practice-entries": ("practice_id", "practices")}
"""The reference to what a record belongs to, and its collection. It is removed with that."""
ASSIGNED = {"id", "version", "created_at", "updated_at"}
COMPUTED = {"scoring", "total", "subscales", "band", "flags", "help"}
"""Members of an assessment that the server computes from the answers."""
NOT_SET = ASSIGNED | COMPUTED


@dataclass
class Entry:
    """One record: the server's latest state, the operation whose result is not known, and the edits since.

    If the server has removed the record but edits are not pushed yet, it is kept, and `is_removed_on_server`.
    """

    record: Json | None = None
    sent: Json | None = None
    edit: Json | None = None
    is_removed_on_server: bool = False

    @property
    def is_pushed(self) -> bool:
        """Whether the server knows all edits."""
        return self.sent is None and self.edit is None


def fields_of(record: Json) -> Json:
    """Return the fields that a person can set."""
    return {name: value for name, value in record.items() if name not in NOT_SET}


def seq(version: int) -> int:
    """Return the sequence number of a version, without its epoch."""
    return version % 2**40


def is_after_backup(version: int, kept: int) -> bool:
    """Return whether a version is later than the last one of a backup; only versions of one epoch can be compared."""
    return version > kept and version // 2**40 == kept // 2**40


def new_op(kind: str, key: Key, **members: Any) -> Json:
    """Return an operation on a record."""
    return {"op": kind, "collection": key[0], "id": key[1], **members}


def combine_ops(sent: Json | None, edit: Json | None) -> Json | None:
    """Combine an operation that had no effect with a later edit into a new operation."""
    if sent is None:
        return edit
    known = {name: value for name, value in sent.items() if name not in {"op_id", "is_newer"}}
    if edit is None or sent["op"] == "delete":
        return known
    known |= {"op": edit["op"], "set": sent["set"] | edit.get("set", {})}
    return known if edit["op"] == "upsert" else {name: value for name, value in known.items() if name != "set"}


def with_expected_values(edit: Json | None) -> Json | None:
    """Return the edit with expected values (`was`) instead of a base: its epoch was lost by a restore."""
    if edit is None or "base" not in edit:
        return edit
    return {name: value for name, value in edit.items() if name != "base"} | {"was": edit["seen"]}


class LocalStore:
    """The records of a person on one device."""

    def __init__(self) -> None:
        """Start without records."""
        self.store: dict[Key, Entry] = {}
        self.removed: dict[Key, int] = {}  # removed records, and the version of each removal
        self.unresolved: dict[Key, Json] = {}  # results that the person has to decide about
        self.cursor = "0"
        self.kept_through = 0  # the last version that a restored backup contains
        self.pulled_keys: set[Key] | None = None  # while starting over: the records pulled so far

    def get(self, key: Key) -> Json | None:
        """Return a record's fields as the person sees them: the server's, with their own edits applied."""
        entry = self.store.get(key, Entry())
        ops = [op for op in (entry.sent, entry.edit) if op is not None]
        if any(op["op"] == "delete" for op in ops) or (entry.record is None and not ops):
            return None
        seen = fields_of(entry.record or {})
        for op in ops:
            seen |= op["set"]
        return seen

    def create(self, collection: str, fields: Json) -> Key:
        """Create a record."""
        key = (collection, str(uuid4()))
        self.store[key] = Entry(edit=new_op("upsert", key, set=fields))
        return key

    def change(self, key: Key, fields: Json) -> None:
        """Change fields of a record."""
        entry = self.store[key]
        edit = entry.edit or new_op("upsert", key, set={}, **self._basis(key, entry))
        entry.edit = edit | {"set": edit["set"] | fields}
        self._retry_if_rejected(key)

    def remove(self, key: Key) -> None:
        """Remove a record, and those that belong to it."""
        for child in [each for each in self.store if PARENTS.get(each[0], ("", ""))[1] == key[0]]:
            if (self.get(child) or {}).get(PARENTS[child[0]][0]) == key[1]:
                self.remove(child)
        entry = self.store[key]
        self._retry_if_rejected(key)
        if entry.record is None and entry.sent is None:
            self.unresolved.pop(key, None)
            del self.store[key]
            return
        edit = entry.edit or {}
        known: Json = {name: edit[name] for name in ("base", "was", "seen") if name in edit} or self._basis(key, entry)
        entry.edit = new_op("delete", key, **known)

    def resolve(self, key: Key, *, mine: bool, merged: Json | None = None) -> None:
        """Resolve a conflict: keep the person's edits (`mine`), changed by `merged`, or the server's state."""
        entry, result = self.store[key], self.unresolved.pop(key)
        theirs, edit = result["record"], entry.edit
        if not mine or edit is None or (theirs is None and edit["op"] == "delete"):
            entry.edit = None
            if entry.record is None or entry.is_removed_on_server:
                del self.store[key]
        elif theirs is None:
            entry.edit = new_op("upsert", key, set=(self.get(key) or {}) | (merged or {}), undelete=True)
        else:
            known: Json = {"base": theirs["version"], "seen": fields_of(theirs)}
            locked = result["fields"] if result["reason"] == "locked" else ()  # only the clinic can set these
            kept = {name: value for name, value in edit.get("set", {}).items() if name not in locked}
            fields = {} if edit["op"] == "delete" else {"set": kept | (merged or {})}
            entry.edit = new_op(edit["op"], key, **fields, **known)

    def _basis(self, key: Key, entry: Entry) -> Json:
        """Return the base of a new edit: the record's version, and the values of the operation that is being sent."""
        seen = self.get(key)
        if entry.record is None or self.pulled_keys is not None:  # versions mean nothing while starting over
            return {"was": seen, "seen": seen}
        being_sent = {"was": entry.sent["set"]} if entry.sent else {}
        return {"base": entry.record["version"], "seen": seen} | being_sent

    def _retry_if_rejected(self, key: Key) -> None:
        """Push a rejected operation again, because the person has changed it."""
        if self.unresolved.get(key, {}).get("outcome") == "rejected":
            del self.unresolved[key]

    def apply_from_server(self, key: Key, record: Json | None, version: int) -> None:
        """Store the server's state of a record; edits are kept, also if the server has removed the record."""
        entry = self.store.setdefault(key, Entry())
        entry.is_removed_on_server = record is None
        if record is None:
            self.removed[key] = version
            if entry.is_pushed:
                del self.store[key]
            return
        entry.record = record
        if is_after_backup(self.removed.pop(key, 0), self.kept_through) and 0 < seq(version) <= seq(self.kept_through):
            self.remove(key)  # its removal came after the backup
