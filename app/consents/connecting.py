"""The operations of a clinic's client on connections: redeem a proposal's code; list, change and end connections."""

from collections import defaultdict
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app import clock
from app.clinics.calls import ClientCaller
from app.clinics.consent_tables import Action, EndedBy
from app.consents import access_log, statements
from app.consents.access_log import CONNECTIONS, Entry
from app.consents.clinic_cursors import FIRST, Position
from app.consents.clinic_shapes import MAX_DAYS, ConnectionDraft, ConnectionPatch, Identifier, public_connection
from app.consents.codes import mac_of
from app.consents.fields import MAX_IDENTIFIERS, is_system, is_value
from app.consents.lists import read_page
from app.consents.writing import ConsentWrite, Origin, lock_consents
from app.db import Row
from app.problems import Fault, Invalid, NotFound, UnknownCode
from app.records.filters import MAX_LIMIT, Filters
from app.records.shapes import sent_fields


class IdentifierQuery(NamedTuple):
    """A clinic's own identifier of a patient, from a query parameter `system|value`."""

    system: str
    value: str


def _read_identifier(text: object) -> IdentifierQuery:
    system, bar, value = str(text).partition("|")
    if not (bar and is_system(system) and is_value(value)):
        message = "Send the system, a vertical bar, and the value of an identifier."
        raise PydanticCustomError("identifier", message)
    return IdentifierQuery(system, value)


class ConnectionFilters(Filters):
    """The query parameters of the list of connections."""

    identifier: (
        Annotated[
            Any,  # an IdentifierQuery, which would add a schema to the document
            PlainValidator(_read_identifier),
            WithJsonSchema(
                {
                    "type": "string",
                    "minLength": 5,
                    "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:[^|\s]+\|[^\x00-\x1f\x7f-\x9f]+$",
                }
            ),
        ]
        | None
    ) = Field(None, description="Return the connection with this identifier: its system, `|` and its value.")


async def redeem(caller: ClientCaller, draft: ConnectionDraft) -> Row:
    """Redeem the code of a consent that a patient has proposed: activate the consent, and return the connection.

    The patient gets an e-mail. Raise `UnknownCode` if the code is not valid, and `IdentifierInUse` if another patient
    of the clinic has the identifier.
    """
    code_mac = mac_of(caller.services, draft.code)
    found = await caller.db.one(statements.PROPOSAL_OF_CODE, **caller.binds, code_mac=code_mac, now=clock.now())
    if found is None:
        raise UnknownCode.at("/code")
    async with lock_consents(caller.services, found["owner_id"], _origin(caller)) as write:
        row = write.find(found["id"])
        if row is None or row["code_mac"] != code_mac or not write.is_open:
            raise UnknownCode.at("/code")
        await write.lock_clinic(caller.clinic_id)
        row = await write.activate(row, _plain(draft.identifier))
        return public_connection(row, await write.identifiers(row))


async def page_of_connections(caller: ClientCaller, query: ConnectionFilters) -> tuple[list[Row], str | None]:
    """Return a page of the connections that the client may see, and the cursor of the next page or None.

    Write an entry to the access log of each patient.
    """
    named: Row = {} if query.identifier is None else query.identifier._asdict()
    scope = (str(caller.client_id), CONNECTIONS, *named.values())
    pages = {continued: statements.CONNECTION_PAGES[bool(named), continued] for continued in (False, True)}
    async with caller.db.transaction() as tx:
        values = caller.binds | named | {"now": clock.now()}
        page = await read_page(tx, caller.services, pages, query, scope, id="patient_id", **values)
        identifiers: defaultdict[UUID, list[Row]] = defaultdict(list)
        patient_ids = [row["patient_id"] for row in page.rows]
        for each in await tx.all(statements.IDENTIFIERS, clinic_id=caller.clinic_id, patient_ids=patient_ids):
            identifiers[each["patient_id"]].append({"system": each["system"], "value": each["value"]})
        logged = await access_log.write(tx, (_read(caller, row) for row in page.rows))
    access_log.emit(logged)
    return [public_connection(row, identifiers[row["patient_id"]]) for row in page.rows], page.next_cursor


async def change(caller: ClientCaller, id: UUID, patch: ConnectionPatch) -> Row:
    """Replace the identifiers of a connection, or end it; return the connection.

    Raise `NotFound` if the client may not see the connection. Raise `Invalid` if the patch has both members or repeats
    an identifier, and `IdentifierInUse` if another patient of the clinic has one of the identifiers.
    """
    sent = sent_fields(patch)
    wanted = [_plain(each) for each in sent.get("identifiers", ())]
    if len(sent) > 1:
        raise Invalid(Fault("/identifiers", "one-of", "Send either `identifiers` or `status`."))
    if any(each in wanted[:number] for number, each in enumerate(wanted)):
        raise Invalid(Fault("/identifiers", "repeated", "Send each identifier once."))
    owner = await caller.db.one(statements.OWNER_OF_PATIENT, **caller.binds, id=id)
    if owner is None:
        raise NotFound
    async with lock_consents(caller.services, owner["owner_id"], _origin(caller)) as write:
        row = write.at_clinic(caller.clinic_id)
        if row is None or row["patient_id"] != id or row["purpose"] != caller.purpose:
            raise NotFound
        return await _changed(write, row, sent, wanted)


async def _changed(write: ConsentWrite, row: Row, sent: dict[str, Any], wanted: list[Row]) -> Row:
    if "status" in sent:
        return public_connection(await write.end(row), [])
    if "identifiers" in sent:
        await write.lock_clinic(row["clinic_id"])
        await write.replace_identifiers(row, wanted)
    return public_connection(row, await write.identifiers(row))


async def clinic_state(caller: ClientCaller) -> Row:
    """Return the calling client, its clinic, and the numbers of connections and managed sessions that it sees."""
    state = await caller.db.only(statements.CLINIC_STATE, **caller.binds, now=clock.now())
    cursor = Position(caller.clinic_id, caller.purpose, state["epoch"], state["head"]).text()
    return {
        "clinic": {"id": caller.clinic_id, "name": caller.clinic_name},
        "client_id": caller.client_id,
        "scopes": caller.scope.split(),
        "cursor": cursor if state["head"] else FIRST,
        "connections": state["connections"],
        "sessions": state["sessions"],
        "limits": {"connections": MAX_LIMIT, "identifiers": MAX_IDENTIFIERS, "invitation_days": MAX_DAYS},
    }


def _origin(caller: ClientCaller) -> Origin:
    return Origin(EndedBy.CLINIC, caller.client_id, caller.request_id)


def _read(caller: ClientCaller, row: Row) -> Entry:
    ids = [str(row["patient_id"])]
    return Entry(row["owner_id"], row["clinic_id"], Action.READ, CONNECTIONS, ids, caller.client_id, caller.request_id)


def _plain(identifier: Identifier) -> Row:
    return {"system": identifier.system, "value": identifier.value}
