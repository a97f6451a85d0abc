"""Parsing a push: converts each operation that a device sent to an operation of the write engine, or to a problem."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from app import clock, json_strict
from app.db import Row
from app.http.reading import faults_of
from app.ids import made_at
from app.problems import DuplicateTarget, Fault, Invalid, OpIdReused, Problem
from app.records import Resource
from app.records.shapes import sent_fields
from app.records.view import View
from app.records.write.ops import OnConflict, Op
from app.records.yielding import Yielding
from app.sync.collections import BY_COLLECTION
from app.sync.requests import InvalidOp, SyncOp

NEVER_EQUAL: Final = object()
"""Replaces an expected value that is not valid: no value in a record equals it."""


async def parse_ops(view: View, sent: Iterable[SyncOp | InvalidOp], on_conflict: OnConflict) -> list[Op | Problem]:
    """Return each operation of a push as the engine's operation, or the problem if it cannot be executed.

    It is also a problem if an earlier operation of the push is on the same record, or has the same op_id.
    """
    targets: set[tuple[str, object]] = set()
    op_ids: set[object] = set()
    found: list[Op | Problem] = []
    yielding = Yielding()
    for each in sent:
        await yielding.check()
        if isinstance(each, InvalidOp):
            found.append(Invalid(*each.faults))
        elif (each.collection, each.id) in targets:
            found.append(DuplicateTarget(DuplicateTarget.fault))
        elif each.op_id is not None and each.op_id in op_ids:
            found.append(OpIdReused(OpIdReused.fault))
        else:
            targets.add((each.collection, each.id))
            op_ids.add(each.op_id)
            found.append(_parse(view, each, on_conflict))
    return found


def _parse(view: View, sent: SyncOp, on_conflict: OnConflict) -> Op | Problem:
    resource = BY_COLLECTION[sent.collection]
    if sent.op == "delete" and sent.set:
        return Invalid(Fault("/set", "upsert-only", "A delete operation takes no fields: leave `set` out."))
    create_missing = sent.if_missing == "create"
    may_create = (sent.base is None and sent.was is None) or create_missing or sent.undelete
    fields: Row | None = None
    create_values: Row | None = None
    faults: tuple[Fault, ...] = ()
    try:
        if sent.op == "upsert":
            fields, create_values, faults = _upsert(resource, sent.set or {}, may_create=may_create)
        expected = None if sent.was is None else _expected(resource, sent.was)
    except Invalid as problem:
        return problem
    return Op(
        resource=resource,
        id=sent.id,
        fields=fields,
        create_values=create_values,
        faults=faults,
        base=sent.base,
        expected=expected,
        undelete=sent.undelete,
        create_missing=create_missing,
        on_conflict=sent.on_conflict or on_conflict,
        op_id=sent.op_id,
        digest=_digest(view, resource, sent) if sent.op_id else b"",
        may_be_forgotten=sent.op_id is not None and _is_older_than_memory(view, sent.op_id),
    )


def _upsert(resource: Resource, values: Row, *, may_create: bool) -> tuple[Row, Row | None, tuple[Fault, ...]]:
    """Return the fields that an upsert sets, all fields of the record that it can create, and this record's faults.

    The fields of the record are None if the record has faults, or if the upsert may not create it. Raise `Invalid` if a
    field that the upsert sets is not valid.
    """
    if not may_create or "id" in values:
        return _fields(resource, values), None, ()
    try:
        draft = resource.draft.model_validate(values)
    except ValidationError as error:
        return _fields(resource, values), None, tuple(faults_of(error))
    return sent_fields(draft), resource.completed(draft), ()


def _fields(resource: Resource, values: Mapping[str, Any], pointer: str = "") -> Row:
    """Return the given fields, validated as a patch; raise `Invalid` with pointers that start with `pointer`."""
    try:
        return sent_fields(resource.patch.model_validate(values))
    except ValidationError as error:
        raise Invalid(*(fault.at(f"{pointer}{fault.pointer}") for fault in faults_of(error))) from None


def _expected(resource: Resource, values: Row) -> Row:
    """Return the values that a device expects fields to have, with `NEVER_EQUAL` instead of a value that is not valid.

    A device whose edit was rejected may send the rejected value as `was` with its next edit. Then the expected value
    differs from the stored one, but the operation is not invalid: otherwise, the device could not correct its edit.
    """
    try:
        return sent_fields(resource.patch.model_validate(values))
    except ValidationError as error:
        invalid = {each["loc"][0] for each in error.errors(include_url=False, include_context=False)}
    valid = {name: value for name, value in values.items() if name not in invalid or name not in resource.field_names}
    return _fields(resource, valid, "/was") | dict.fromkeys(values.keys() - valid.keys(), NEVER_EQUAL)


def _is_older_than_memory(view: View, op_id: UUID) -> bool:
    """Return whether an operation is so old, by the time in its op_id, that the server may have deleted its result.

    If the operation created a record that was removed later, the record's tombstone may have been deleted, too.
    """
    made = made_at(op_id)
    return made is not None and made < clock.now() - timedelta(days=view.caller.services.settings.remembered_days)


def _digest(view: View, resource: Resource, sent: SyncOp) -> bytes:
    """Return the digest of an operation's content. It is the same whether ids have lower-case or upper-case letters."""
    content = sent.__dict__ | {
        name: {key: _lower_case(value) if key in resource.targets else value for key, value in values.items()}
        for name, values in (("set", sent.set), ("was", sent.was))
        if values
    }
    return hmac.digest(view.caller.services.op_key, json_strict.dump_canonical(content), hashlib.sha256)


def _lower_case(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
