"""Importing: the write engine creates the records of an archive, in batches.

A record that exists in the account is never changed. So an archive can be imported again, for example after an
interruption: the records that were already imported stay unchanged.
"""

from collections.abc import AsyncIterable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from app import json_strict
from app.archive.day_one import read_export
from app.archive.encrypted_file import EncryptedFile
from app.archive.lines import Lines
from app.archive.parts import Part, RejectedError, Skipped
from app.archive.reading import read_archive
from app.archive.threads import on_thread
from app.db import Row
from app.http.reading import faults_of
from app.identity import Caller
from app.problems import DuplicateTarget, Problem
from app.records.shapes import sent_fields
from app.records.view import own_records
from app.records.write import store
from app.records.write.ops import Key, Op, OpOutcome, Outcome

MAX_IMPORTS: Final = 2
"""The maximum number of archives that a worker imports at the same time."""
BUSY: Final = "The server imports as many archives as it can at a time. Send the same request again after the seconds in Retry-After."
RECEIVED_BYTES: Final = 256 * 2**10
MAX_OPS: Final = 200
MAX_BATCH_BYTES: Final = 2**19
"""The limits of a batch, in records and in bytes of JSON. All records of a batch are in memory at the same time."""
READERS: Final[dict[str, Callable[[EncryptedFile, Lines], list[Part]]]] = {
    "afterglow": read_archive,
    "day-one": read_export,
}
"""The function that reads and checks an archive, for each program that the archive can come from."""


@dataclass
class Imported:
    """The result of an import so far: what became of each record of the archive."""

    created: int = 0
    unchanged: int = 0
    conflicts: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    skipped: Skipped = field(default_factory=Skipped)

    def reject(self, path: str, code: str, id: UUID | None) -> None:
        """List a record of the file at `path` as rejected; `code` is the reason. `id` is None if it is not valid."""
        self.rejected.append({"path": path, "id": id, "code": code})

    def add(self, path: str, op: Op, outcome: Outcome) -> None:
        """Add the outcome of an operation on a record: count the record, or list it as a conflict or as rejected."""
        if outcome.problem is not None:
            self.reject(path, _code_of(outcome.problem), op.id)
        elif outcome.result is OpOutcome.CONFLICT:
            self.conflicts.append({"collection": op.resource.collection, "id": op.id})
        elif outcome.result is OpOutcome.APPLIED:
            self.created += 1
        else:
            self.unchanged += 1

    def document(self) -> Row:
        """Return the members of the response (`ImportResult`)."""
        return {**vars(self), "skipped": vars(self.skipped)}


async def import_archive(caller: Caller, origin: str, pieces: AsyncIterable[bytes]) -> Imported:
    """Read and check the whole archive; then create its records for the caller. Return the result.

    `pieces` are the bytes of the archive. The archive is copied to an encrypted file, so that memory does not grow with
    it. Threads read the archive and check the records, so that they do not block the event loop. Raise `BadArchive` if
    anything in the archive is wrong, or `StorageFull` if the disk is full; then nothing is imported. Raise
    `NotSignedIn` if the device is signed out during the import; then the batches that are already written are kept.
    """
    with Lines() as lines:
        with EncryptedFile() as file:
            await _receive(pieces, file)
            parts = await on_thread(partial(READERS[origin], file, lines))
        return await _create(caller, parts, lines)


async def _receive(pieces: AsyncIterable[bytes], file: EncryptedFile) -> None:
    received = bytearray()
    async for piece in pieces:
        received += piece
        if len(received) >= RECEIVED_BYTES:
            await on_thread(partial(file.append, received))
            received = bytearray()
    await on_thread(partial(file.append, received))


async def _create(caller: Caller, parts: list[Part], lines: Lines) -> Imported:
    imported = Imported()
    view = own_records(caller)
    seen: set[Key] = set()
    for part in parts:
        for batch in _batches(part, lines):
            ops = await on_thread(partial(_ops, part, lines, batch, imported, seen))
            written = await store.write(view, ops)
            for op, outcome in zip(ops, written.outcomes, strict=True):
                imported.add(part.path, op, outcome)
    return imported


def _code_of(problem: Problem) -> str:
    """Return the code of the first fault in a problem's `errors`, or the problem's own code if it has no faults."""
    errors = problem.members.get("errors")
    return errors[0]["code"] if errors else problem.code


def _batches(part: Part, lines: Lines) -> Iterator[list[int]]:
    """Divide the lines of a part into batches within the limits. Yield each batch as a list of the lines' numbers."""
    batch: list[int] = []
    size = 0
    for number in part.lines:
        size += lines.size_of(number)
        if batch and (len(batch) == MAX_OPS or size > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], lines.size_of(number)
        batch.append(number)
    if batch:
        yield batch


def _ops(part: Part, lines: Lines, batch: list[int], imported: Imported, seen: set[Key]) -> list[Op]:
    """Return the operations that create the records of a batch; add skipped and rejected records to `imported`.

    `batch` has the numbers of the lines. A record is rejected if its key is already in `seen`, which has the keys of
    the records of this import. Add the keys of the batch to `seen`.
    """
    ops: list[Op] = []
    for number in batch:
        try:
            op = _op(part, json_strict.parse(lines[number]), imported.skipped)
        except RejectedError as rejected:
            imported.reject(part.path, rejected.code, rejected.id)
            continue
        if op is not None and op.key in seen:
            imported.reject(part.path, DuplicateTarget.code, op.id)
        elif op is not None:
            seen.add(op.key)
            ops.append(op)
    return ops


def _op(part: Part, value: Any, skipped: Skipped) -> Op | None:
    draft = part.read_draft(value, skipped)
    if draft is None:
        return None
    try:
        shape = part.resource.draft.model_validate(draft.fields)
    except ValidationError as error:
        raise RejectedError(faults_of(error)[0].code, draft.id) from None
    return Op(
        resource=part.resource,
        id=draft.id,
        fields=sent_fields(shape),
        create_values=part.resource.completed(shape),
        create_missing=True,
        only_creating=True,
        created_at=draft.created_at,
    )
