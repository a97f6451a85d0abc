"""The reference client: how an app keeps a copy of a person's records, edits it offline, and loses no word.

Small, to be read and copied into any language; the convergence test drives it. This is its half that talks to the
server, `notebook` the half that works offline. An app keeps every attribute in its own database, and writes them in one
transaction with what an answer changed.

- Once sent, an operation stays as it is until its outcome is known, and is repeated under its `op_id`.
- What collides waits for a person (`waiting`, `resolve`): nothing that they wrote is dropped but by their choice.
- A cursor that cannot be served begins the copy again; after a restore, what only this device still has is brought back.
"""

import json
from collections.abc import Callable, Iterator
from uuid import uuid4

from tests.sync.notebook import Json, Notebook, came_after, fields_of, new_op, said_with_was, seq, summed

Transport = Callable[[str, str, Json | None], tuple[int, Json]]
"""Sends a method, a path and a body; returns status and answer. Raises `ConnectionError` where no answer came."""
LOCAL = {"seen", "is_newer"}  # kept in an operation, but not sent


class RefusedError(Exception):
    """The server refused the whole request: sign in again (401), wait (429, 503), or update the app."""


class Device(Notebook):
    """A phone."""

    def __init__(self, call: Transport, *, page: int = 500, most_ops: int = 500, most_bytes: int = 2**21) -> None:
        """Begin empty; the limits are those of `GET /v1/sync`."""
        super().__init__()
        self.call, self.page, self.most_ops, self.most_bytes = call, page, most_ops, most_bytes

    def sync(self, *, atomic: bool = False) -> None:
        """Pull, push, and pull what the push changed. If anything is lost on the way, the next time goes on."""
        self.pull()
        self.push(atomic=atomic)
        self.pull()

    def push(self, *, atomic: bool = False) -> None:
        """Push every edit, for as long as that leads further; a device without a cursor could not be told of a restore."""
        if self.cursor == "0":
            self.pull()
        while sum(self._push(batch, atomic=atomic) for batch in self._batches()):
            pass

    def pull(self) -> None:
        """Pull page after page, up to the number to keep; start over where the server says so."""
        since, more = self.cursor, True
        while more:
            status, page = self.call("GET", f"/v1/sync/changes?since={since}&limit={self.page}", None)
            if status == 410:
                self._start_over(page)
                since = "0"  # the cursor stays, to be told the same again where this is cut short
                continue
            if status != 200:
                raise RefusedError(status, page)
            for change in page["changes"]:
                key = (change["collection"], change["id"])
                if self.brought is not None:
                    self.brought.add(key)
                self.adopt(key, change["record"], change["version"])
            self.cursor = since = page["cursor"]
            more = page["has_more"]
        if self.brought is not None:
            self.store = {key: entry for key, entry in self.store.items() if key in self.brought or not entry.is_pushed}
            self.brought = None

    def _batches(self) -> Iterator[list[Json]]:
        """Yield what is to be pushed, as much at once as the server takes; what was sent before goes as it was."""
        batch: list[Json] = []
        size = 0
        for key in [*self.store]:
            entry = self.store.get(key)
            if entry is None or entry.is_pushed or key in self.waiting:
                continue
            if entry.sent is None and entry.edit is not None:
                entry.sent, entry.edit = entry.edit | {"op_id": str(uuid4())}, None
            op = entry.sent or {}
            length = len(json.dumps(op))
            if batch and (len(batch) == self.most_ops or size + length > self.most_bytes - 100):
                yield batch
                batch, size = [], 0
            batch, size = [*batch, op], size + length + 2
        if batch:
            yield batch

    def _push(self, batch: list[Json], *, atomic: bool) -> bool:
        ops = [{name: value for name, value in op.items() if name not in LOCAL} for op in batch]
        status, answer = self.call("POST", "/v1/sync/push", {"atomic": atomic, "ops": ops})
        if status != 200 and not (atomic and status == 409):
            raise RefusedError(status, answer)
        return sum(self._learn(op, result) for op, result in zip(batch, answer["results"], strict=True)) > 0

    def _learn(self, op: Json, result: Json) -> bool:
        """Take in what became of an operation; say whether that led further."""
        key = (op["collection"], op["id"])
        entry, outcome, version = self.store[key], result["outcome"], result["version"] or 0
        entry.sent = None
        if outcome in {"applied", "unchanged"}:
            self.adopt(key, result["record"], version)
            return True
        if outcome == "conflict" and op.get("is_newer") and 0 < seq(version) <= seq(self.kept):
            theirs = result["record"]  # of the backup, and what is here came after it
            known = {"undelete": True} if theirs is None else {"base": theirs["version"], "seen": fields_of(theirs)}
            entry.sent = new_op("upsert", key, set=op["set"], op_id=str(uuid4()), **known)
            return True
        entry.edit = summed(op, entry.edit)
        if result["status"] == 410:
            entry.edit = said_with_was(entry.edit)
        if outcome == "rolled-back" or result["status"] == 410 or self._comes_later(op, result["error"] or {}):
            return False
        if outcome == "conflict":
            self.adopt(key, result["record"], version)
        self.waiting[key] = result
        return True

    def _comes_later(self, op: Json, error: Json) -> bool:
        """Say whether what an operation refers to is on this device, and will be pushed."""
        named = [op["set"].get(each["pointer"][1:]) for each in error.get("errors", ()) if error.get("retryable")]
        return bool(named) and set(named) <= {id for _, id in self.store}

    def _start_over(self, problem: Json) -> None:
        """Begin again from 0; after a restore, first bring back what the backup never had."""
        self.brought = set()
        if problem["reason"] != "restored":
            return
        self.kept = problem["resync"]["kept_through"]
        self.waiting.clear()
        for key, entry in self.store.items():
            entry.edit, entry.sent = said_with_was(summed(entry.sent, entry.edit)), None
            record = entry.record
            if record is not None and record["version"] > self.kept and not entry.is_gone:
                back: Json = {"if_missing": "create", "is_newer": came_after(record["version"], self.kept)}
                entry.sent = new_op("upsert", key, set=fields_of(record), op_id=str(uuid4()), **back)
        self.push()
