"""The operations of a patient on consents: look up a code; give or propose a consent; read, change and end it."""

from typing import Any, Final
from uuid import UUID

from app import clock
from app.clinics.consent_tables import ConsentStatus, EndedBy
from app.clinics.tables import Purpose
from app.consents import codes, statements
from app.consents.shapes import ConsentDraft, ConsentPatch, public_consent
from app.consents.writing import ConsentWrite, Origin, ended_if_expired, lock_consents
from app.db import Row
from app.identity import Caller
from app.problems import AlreadyConnected, ConsentEnded, Fault, IdentifierInUse, Invalid, NotFound, UnknownCode
from app.records.shapes import sent_fields

_TERMS: Final = ("shares", "receives", "until", "name")


async def describe_code(caller: Caller, typed: str) -> Row:
    """Return the kind and the clinic of a typed code and, for the code of an invitation, the terms and the expiry.

    Raise `NotFound` if the code is wrong, used, withdrawn or expired, or if its clinic has ended.
    """
    invitation = await codes.find_invitation(caller.db, caller.services, typed)
    if invitation is not None:
        clinic = {"id": invitation["clinic_id"], "name": invitation["clinic_name"]}
        return {
            "kind": "invitation",
            "clinic": clinic,
            "asks": invitation["asks"],
            "expires_at": invitation["expires_at"],
        }
    found = await codes.find_clinic(caller.db, typed)
    if found is None:
        raise NotFound
    return {"kind": "clinic", "clinic": found, "asks": None, "expires_at": None}


def check_draft(draft: ConsentDraft) -> None:
    """Raise `Invalid` unless a draft has either `code` or `clinic`, and its `until`, if any, is in the future."""
    faults = []
    if draft.code is None and draft.clinic is None:
        faults.append(
            Fault("/code", "one-of", "Send the code of an invitation, or the share code of a clinic as `clinic`.")
        )
    elif draft.code is not None and draft.clinic is not None:
        faults.append(Fault("/clinic", "one-of", "Send either `code` or `clinic`."))
    if draft.until is not None and draft.until <= clock.now():
        faults.append(_PAST)
    if faults:
        raise Invalid(*faults)


async def create(caller: Caller, draft: ConsentDraft, request_id: str) -> tuple[int, Row]:
    """Give a consent with an invitation's code, or propose one to a clinic; return the HTTP status and the consent.

    The status is 200 if the patient was already connected to the clinic and used an invitation: then only the
    invitation's identifier is added to the connection. Otherwise the status is 201. Raise `UnknownCode` if the code is
    not valid. Raise `AlreadyConnected` if the patient proposes a consent and has an active or proposed one for the
    clinic, or uses an invitation and has a proposed one. Raise `TooManyConsents` or `TooManyIdentifiers` if this limit
    is reached.
    """
    terms = {name: getattr(draft, name) for name in _TERMS}
    origin = Origin(EndedBy.PATIENT, request_id=request_id)
    if draft.code is not None:
        return await _accept(caller, draft.code, terms, origin)
    clinic = await codes.find_clinic(caller.db, draft.clinic or "")
    if clinic is None:
        raise UnknownCode.at("/clinic")
    async with lock_consents(caller.services, caller.account_id, origin) as write:
        await write.lock_clinic(clinic["id"], "/clinic")
        row, code = await write.propose(clinic, terms)
    return 201, public_consent(row) | {"code": code}


async def _accept(caller: Caller, typed: str, terms: Row, origin: Origin) -> tuple[int, Row]:
    invitation = await codes.find_invitation(caller.db, caller.services, typed)
    if invitation is None:
        raise UnknownCode.at("/code")
    clinic = {"id": invitation["clinic_id"], "name": invitation["clinic_name"]}
    async with lock_consents(caller.services, caller.account_id, origin) as write:
        await write.lock_clinic(clinic["id"])
        identifier = await _use(write, invitation)
        connected = write.at_clinic(clinic["id"])
        try:
            if connected is None:
                row = await write.give(clinic, terms, identifier, Purpose(invitation["asks"]["purpose"]))
            elif connected["status"] == ConsentStatus.ACTIVE:
                row = connected
                await write.add_identifier(row, identifier)
            else:
                raise AlreadyConnected
        except IdentifierInUse:  # another patient has the identifier, and this patient must not learn that
            raise UnknownCode.at("/code") from None
    if connected is None:
        return 201, public_consent(row) | {"code": None}
    return 200, public_consent(row)


async def _use(write: ConsentWrite, invitation: Row) -> Row:
    """Mark an invitation as used; return the clinic's identifier of the patient that the invitation contains.

    Raise `UnknownCode` if the invitation was used or withdrawn after it was read.
    """
    key = {"clinic_id": invitation["clinic_id"], "id": invitation["id"]}
    if await write.tx.one(statements.USE_INVITATION, **key, used_by=write.owner_id, now=write.now) is None:
        raise UnknownCode.at("/code")
    return {"system": invitation["system"], "value": invitation["value"]}


async def find(caller: Caller, id: UUID) -> Row:
    """Return one of the caller's consents; raise `NotFound` if there is none with this id."""
    row = await caller.db.one(statements.CONSENT, owner_id=caller.account_id, id=id)
    if row is None:
        raise NotFound
    return public_consent(ended_if_expired(row, clock.now()))


async def change(caller: Caller, id: UUID, patch: ConsentPatch, request_id: str) -> Row:
    """Change the terms of a consent, or end it; return the consent. If nothing changes, write nothing.

    Raise `NotFound` if the caller has no consent with this id, `ConsentEnded` if the terms of an ended consent would
    change, and `Invalid` if the new `until` is not in the future.
    """
    changes: dict[str, Any] = sent_fields(patch)
    ends = changes.pop("status", None) is not None
    async with lock_consents(
        caller.services, caller.account_id, Origin(EndedBy.PATIENT, request_id=request_id)
    ) as write:
        row = write.find(id)
        if row is None:
            ended = await write.tx.one(statements.CONSENT, owner_id=caller.account_id, id=id)
            if ended is None:
                raise NotFound
            if not ends and _differs(ended, changes):
                raise ConsentEnded
            row = ended
        elif ends:
            row = await write.end(row)
        elif _differs(row, changes):
            if changes.get("until") is not None and changes["until"] <= write.now:
                raise Invalid(_PAST)
            row = await write.change(row, changes)
        return public_consent(row)


def _differs(row: Row, changes: Row) -> bool:
    return any(row[name] != value for name, value in changes.items())


_PAST: Final = Fault("/until", "past", "Send a time in the future. To end the consent now, send the status `inactive`.")
