"""The reference client: an app keeps a copy of a person's records, changes it offline, and loses no text.

It is small, so that it can be translated into any language; the convergence test runs it. This module syncs with the
server; `local_store` holds the records and edits them offline. An app stores every attribute in its own database, and
writes all that a response changes in one transaction.

- An operation that was sent does not change until its result is known; it is repeated with the same `op_id`.
- A conflict stays in `unresolved` until the person decides (`resolve`): no edit is dropped without their decision.
- If a cursor has expired, the device pulls everything again; after a restore, it pushes what only it still has.
"""

import json
from collections.abc import Callable, Iterator
from uuid import uuid4

from tests.sync.local_store import (
    Json,
    LocalStore,
    combine_ops,
    fields_of,
    is_after_backup,
    new_op,
    seq,
    with_expected_values,
)

Transport = Callable[[str, str, Json | None], tuple[int, Json]]
"""Sends a method, a path and a body; returns status and response. Raises `ConnectionError` if there is no response."""
LOCAL = {"seen", "is_newer"}  # kept in an operation, but not sent


class RefusedError(Exception):
    """The server refused the request: sign in again (401), wait (429, 503), or update the app."""


class Device(LocalStore):
    """A device that syncs."""

    def __init__(self, call: Transport, *, page: int = 500, most_ops: int = 500, most_bytes: int = 2**21) -> None:
        """Start without records; the limits are those of `GET /v1/sync`."""
        super().__init__()
        self.call, self.page, self.most_ops, self.most_bytes = call, page, most_ops, most_bytes
        self.fields: dict[str, list[str]] = {}  # of each collection

    def sync(self, *, atomic: bool = False) -> None:
        """Pull, push, and pull what the push changed. If a request or response is lost, the next sync continues."""
        self.pull()
        self.push(atomic=atomic)
        self.pull()

    def push(self, *, atomic: bool = False) -> None:
        """Push all edits, again while a push makes progress. Pull first without a cursor: only a cursor shows a restore."""
        if self.cursor == "0":
            self.pull()
        while sum(self._push(batch, atomic=atomic) for batch in self._batches()):
            pass

    def pull(self) -> None:
        """Pull all pages, and keep the last cursor; start over if the cursor has expired."""
        since, more = self.cursor, True
        while more:
            status, page = self.call("GET", f"/v1/sync/changes?since={since}&limit={self.page}", None)
            if status == 410:
                self._start_over(page)
                since = "0"  # the stored cursor stays: if this is interrupted, the next pull starts over again
                continue
            if status != 200:
                raise RefusedError(status, page)
            for change in page["changes"]:
                key = (change["collection"], change["id"])
                if self.pulled_keys is not None:
                    self.pulled_keys.add(key)
                self.apply_from_server(key, change["record"], change["version"])
            self.cursor = since = page["cursor"]
            more = page["has_more"]
        if self.pulled_keys is not None:
            self.store = {
                key: entry for key, entry in self.store.items() if key in self.pulled_keys or not entry.is_pushed
            }
            self.pulled_keys = None

    def _batches(self) -> Iterator[list[Json]]:
        """Yield batches of operations within the server's limits; an operation that was sent before is unchanged."""
        batch: list[Json] = []
        size = 0
        for key in [*self.store]:
            entry = self.store.get(key)
            if entry is None or entry.is_pushed or key in self.unresolved:
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
        if not self.fields:
            _, state = self.call("GET", "/v1/sync", None)
            self.fields = state["collections"]
        ops = [{name: value for name, value in op.items() if name not in LOCAL} for op in batch]
        status, answer = self.call("POST", "/v1/sync/push", {"atomic": atomic, "return": "minimal", "ops": ops})
        if status != 200 and not (atomic and status == 409):
            raise RefusedError(status, answer)
        results = [self._completed(op, each) for op, each in zip(batch, answer["results"], strict=True)]
        return sum(self._apply_result(op, result) for op, result in zip(batch, results, strict=True)) > 0

    def _apply_result(self, op: Json, result: Json) -> bool:
        """Apply the result of an operation; return whether it was progress."""
        key = (op["collection"], op["id"])
        entry, outcome, version = self.store[key], result["outcome"], result["version"] or 0
        entry.sent = None
        if outcome in {"applied", "unchanged"}:
            self.apply_from_server(key, result["record"], version)
            return True
        if outcome == "conflict" and op.get("is_newer") and 0 < seq(version) <= seq(self.kept_through):
            theirs = result["record"]  # it is older than what this device has
            known = {"undelete": True} if theirs is None else {"base": theirs["version"], "seen": fields_of(theirs)}
            entry.sent = new_op("upsert", key, set=op["set"], op_id=str(uuid4()), **known)
            return True
        entry.edit = combine_ops(op, entry.edit)
        if result["status"] == 410:
            entry.edit = with_expected_values(entry.edit)
        if outcome == "rolled-back" or result["status"] == 410 or self._will_be_pushed(op, result["error"] or {}):
            return False
        if outcome == "conflict":
            self.apply_from_server(key, result["record"], version)
        self.unresolved[key] = result
        return True

    def _completed(self, op: Json, result: Json) -> Json:
        """Return a result with its record; the server leaves out one that has only what was sent, or was known before."""
        updated_at = result["updated_at"]
        if updated_at is None:
            return result
        known = self.store[op["collection"], op["id"]].record
        created_at = updated_at if known is None or result["status"] == 201 else known["created_at"]
        record: Json = dict.fromkeys(self.fields[op["collection"]])
        record |= (known or {}) | op.get("was", {}) | op["set"]
        dates = {"created_at": created_at, "updated_at": updated_at}
        return result | {"record": record | {"id": op["id"], "version": result["version"]} | dates}

    def _will_be_pushed(self, op: Json, error: Json) -> bool:
        """Return whether the records that an operation refers to are on this device, and will be pushed."""
        named = [op["set"].get(each["pointer"][1:]) for each in error.get("errors", ()) if error.get("retryable")]
        return bool(named) and set(named) <= {id for _, id in self.store}

    def _start_over(self, problem: Json) -> None:
        """Pull again from 0; after a restore, first push the records that the backup does not contain."""
        self.pulled_keys = set()
        if problem["reason"] != "restored":
            return
        self.kept_through = problem["resync"]["kept_through"]
        self.unresolved.clear()
        for key, entry in self.store.items():
            entry.edit, entry.sent = with_expected_values(combine_ops(entry.sent, entry.edit)), None
            record = entry.record
            if record is not None and record["version"] > self.kept_through and not entry.is_removed_on_server:
                back: Json = {"if_missing": "create", "is_newer": is_after_backup(record["version"], self.kept_through)}
                entry.sent = new_op("upsert", key, set=fields_of(record), op_id=str(uuid4()), **back)
        self.push()
