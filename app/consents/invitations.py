"""Invitations: a clinic creates a code for one of its patients. The clinic, not the server, sends it to the patient."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from app import clock
from app.clinics.calls import ClientCaller
from app.clinics.codes import new_code, show
from app.consents import statements
from app.consents.clinic_shapes import InvitationDraft, public_invitation
from app.consents.codes import mac_of
from app.consents.lists import read_page
from app.db import Row
from app.ids import new_id
from app.problems import NotFound, NotSignedIn
from app.records.filters import Filters

_LIST: Final = "invitations"


async def invite(caller: ClientCaller, draft: InvitationDraft) -> Row:
    """Create an invitation; return it with its code. Raise `NotSignedIn` if the clinic has ended."""
    code, now = new_code(), clock.now()
    row: Row = {
        "clinic_id": caller.clinic_id,
        "id": new_id(),
        "code_mac": mac_of(caller.services, code),
        "system": draft.identifier.system,
        "value": draft.identifier.value,
        "asks": draft.asks.model_dump(mode="json"),
        "created_at": now,
        "expires_at": now + timedelta(days=draft.days),
        "used_by": None,
        "used_at": None,
    }
    async with caller.db.transaction() as tx:
        if await tx.one(statements.LOCK_CLINIC, id=caller.clinic_id) is None:
            raise NotSignedIn
        await tx.run(statements.INSERT_INVITATION, **row)
    public = public_invitation(row)
    return {"id": public.pop("id"), "code": show(code), **public}


async def page_of_invitations(caller: ClientCaller, query: Filters) -> tuple[list[Row], str | None]:
    """Return a page of the clinic's open invitations, and the cursor of the next page or None."""
    scope, values = (str(caller.client_id), _LIST), caller.binds | {"now": clock.now()}
    page = await read_page(caller.db, caller.services, statements.INVITATION_PAGES, query, scope, **values)
    return [public_invitation(row) for row in page.rows], page.next_cursor


async def withdraw(caller: ClientCaller, id: UUID) -> None:
    """Delete an open invitation; raise `NotFound` if the clinic has none with this id."""
    async with caller.db.transaction() as tx:
        deleted = await tx.one(statements.DELETE_INVITATION, **caller.binds, id=id, now=clock.now())
    if deleted is None:
        raise NotFound
