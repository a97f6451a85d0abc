"""Writing consents: lock the owner's feed, read the live (proposed or active) consents, decide, and write.

The lock order is feed → clinic → consent. E-mails and entries of the access log are part of the transaction; log lines
follow the commit. An expired consent is ended by the next transaction that locks the feed, at the latest by the
periodic `ending.expire`. Until then, all statements treat it as ended.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from app import clock, observability
from app.clinics.codes import new_code, show
from app.clinics.consent_tables import Action, ConsentStatus, EndedBy
from app.clinics.tables import Purpose
from app.consents import access_log, emails, statements
from app.consents.access_log import CONSENTS, Entry
from app.consents.codes import mac_of
from app.consents.fields import MAX_IDENTIFIERS
from app.db import Row, Transaction
from app.ids import make_id, new_id
from app.mail import Email
from app.problems import (
    AlreadyConnected,
    IdentifierInUse,
    NotFound,
    TooManyConsents,
    TooManyIdentifiers,
    UnknownCode,
)
from app.records import coverage, kinds
from app.records.coverage import CONNECTIONS, item
from app.services import Services

MAX_LIVE: Final = 20
"""The maximum number of proposed and active consents of one owner."""
PROPOSAL_LIFE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a write of consents: who writes, in which request, and whether the owner gets e-mails about it."""

    by: EndedBy
    client_id: UUID | None = None
    request_id: str | None = None
    sends_emails: bool = True


class ConsentWrite:
    """A write of an owner's consents: the transaction that has locked the owner's feed, and the consents.

    It has the owner's live (proposed or active) consents. Its methods queue an e-mail to the owner only if
    `Origin.sends_emails` is true, and only about a consent that is or was active: the clinic never saw anything by a
    proposed one.
    """

    def __init__(self, tx: Transaction, services: Services, owner: Row, live: Iterable[Row], origin: Origin) -> None:
        """Take the row of the owner's locked feed, and the live consents that were read after the lock."""
        self.tx, self.owner_id, self.now = tx, owner["owner_id"], clock.now()
        self._services, self._owner, self._origin = services, owner, origin
        self._live = {row["id"]: row for row in live}
        self._entries: list[Entry] = []
        self._emails: list[Email] = []
        self._lines: list[Row] = []
        self._clinic_ids: set[UUID] = set()
        self._has_changed = False
        self._logged: list[Row] = []

    @property
    def live(self) -> list[Row]:
        """The proposed and active consents."""
        return [*self._live.values()]

    @property
    def is_open(self) -> bool:
        """Whether the owner's account is not closed."""
        return self._owner["closed_at"] is None

    def find(self, id: UUID) -> Row | None:
        """Return the owner's live consent with this id; None if there is none."""
        return self._live.get(id)

    def at_clinic(self, clinic_id: UUID) -> Row | None:
        """Return the owner's live consent for a clinic; None if there is none."""
        return next((row for row in self.live if row["clinic_id"] == clinic_id), None)

    async def lock_clinic(self, id: UUID, pointer: str = "/code") -> None:
        """Lock the row of a clinic; raise `UnknownCode` if the clinic has ended.

        `pointer` is the JSON pointer to the code in the request body, which the error contains.
        """
        if await self.tx.one(statements.LOCK_CLINIC, id=id) is None:
            raise UnknownCode.at(pointer)

    async def propose(self, clinic: Row, terms: Row) -> tuple[Row, str]:
        """Insert a proposed consent; return its row, and its code with dashes (`clinics.codes.show`).

        Raise `AlreadyConnected` if the owner has a live consent for the clinic, and `TooManyConsents` if the owner has
        `MAX_LIVE` live consents.
        """
        code = new_code()
        expires_at = self.now + PROPOSAL_LIFE
        row = await self._insert(
            clinic,
            terms,
            status=ConsentStatus.PROPOSED,
            code_mac=mac_of(self._services, code),
            code_expires_at=expires_at,
            ends_at=_ends_at(expires_at, terms["until"]),
        )
        return row, show(code)

    async def give(self, clinic: Row, terms: Row, identifier: Row, purpose: Purpose) -> Row:
        """Insert an active consent for a locked clinic; return its row. The owner gets an e-mail.

        Raise `AlreadyConnected` and `TooManyConsents` like `propose`, and `IdentifierInUse` if the clinic has given
        `identifier` to another patient.
        """
        patient_id = await self._patient(clinic["id"])
        row = await self._insert(
            clinic,
            terms,
            status=ConsentStatus.ACTIVE,
            patient_id=patient_id,
            purpose=purpose,
            head=await self._last_version(clinic["id"], patient_id) + 1,
            ends_at=terms["until"],
        )
        await self._start(row, identifier)
        return row

    async def activate(self, row: Row, identifier: Row) -> Row:
        """Make a proposed consent active, for a locked clinic; return its row. The owner gets an e-mail.

        Raise `IdentifierInUse` if the clinic has given `identifier` to another patient.
        """
        patient_id = await self._patient(row["clinic_id"])
        row = row | {
            "status": ConsentStatus.ACTIVE,
            "patient_id": patient_id,
            "head": await self._last_version(row["clinic_id"], patient_id) + 1,
            "code_mac": None,
            "code_expires_at": None,
            "ends_at": row["until"],
        }
        row = await self._update(row)
        await self._start(row, identifier)
        return row

    async def change(self, row: Row, changes: Row) -> Row:
        """Change the terms of a live consent; return its row. The owner gets an e-mail if the consent is active."""
        changed = row | changes
        changed |= {"ends_at": _ends_at(changed["code_expires_at"], changed["until"]), "head": row["head"] + 1}
        row = await self._update(changed)
        if row["status"] == ConsentStatus.ACTIVE:
            await self._deliver(row)
        self._note(row, Action.CHANGE, emails.consent_changed(self._owner["email"], row["clinic_name"]))
        self._lines.append({"event": "consent-changed", **_named(row)})
        return row

    async def end(self, row: Row, by: EndedBy | None = None) -> Row:
        """End a live consent; return its row. The owner gets an e-mail if the consent was active.

        If `by` is None, `Origin.by` has ended it.
        """
        by = by or self._origin.by
        ended_at = row["ends_at"] if by is EndedBy.EXPIRY else self.now
        row = await self._update(
            row
            | {"status": ConsentStatus.INACTIVE, "ended_at": ended_at, "ended_by": by, "head": row["head"] + 1}
            | dict.fromkeys(("code_mac", "code_expires_at", "ends_at"))
        )
        if row["patient_id"] is not None:
            await self.tx.run(statements.DELETE_IDENTIFIERS, clinic_id=row["clinic_id"], patient_id=row["patient_id"])
            await self.tx.run(coverage.FORGET, owner_id=self.owner_id, clinic_id=row["clinic_id"])
            await self._deliver_connection(row, removed=True)
        del self._live[row["id"]]
        self._note(row, Action.END, emails.consent_ended(self._owner["email"], row["clinic_name"], by))
        self._lines.append({"event": "consent-ended", **_named(row), "ended_by": by})
        return row

    async def end_past(self) -> None:
        """End the live consents that have expired."""
        for row in self.live:
            if is_past(row, self.now):
                await self.end(row, EndedBy.EXPIRY)

    async def add_identifier(self, row: Row, identifier: Row) -> None:
        """Add one of the clinic's identifiers of the patient to an active consent, if the consent does not have it yet.

        If it is added, the access log gets an entry. The clinic must be locked. Raise `IdentifierInUse` if another
        patient of the clinic has the identifier, and `TooManyIdentifiers` if the consent has `MAX_IDENTIFIERS`
        identifiers.
        """
        if await self._add_identifier(row, identifier):
            await self._deliver_identifiers(row)
            self.log(row, Action.CHANGE, access_log.CONNECTIONS, str(row["patient_id"]))

    async def _add_identifier(self, row: Row, identifier: Row) -> bool:
        found = await self.tx.one(statements.OWNER_OF_IDENTIFIER, clinic_id=row["clinic_id"], **identifier)
        if found is not None and found["patient_id"] != row["patient_id"]:
            raise IdentifierInUse
        if found is None:
            if len(await self.identifiers(row)) >= MAX_IDENTIFIERS:
                raise TooManyIdentifiers
            await self._insert_identifiers(row, [identifier])
        return found is None

    async def replace_identifiers(self, row: Row, wanted: list[Row]) -> bool:
        """Replace all identifiers of an active consent; return whether any has changed. The clinic must be locked.

        Raise `IdentifierInUse` if another patient of the clinic has one of the identifiers.
        """
        before = await self.identifiers(row)
        if sorted(before, key=repr) == sorted(wanted, key=repr):
            return False
        await self.tx.run(statements.DELETE_IDENTIFIERS, clinic_id=row["clinic_id"], patient_id=row["patient_id"])
        for identifier in wanted:
            if await self.tx.one(statements.OWNER_OF_IDENTIFIER, clinic_id=row["clinic_id"], **identifier) is not None:
                raise IdentifierInUse
        await self._insert_identifiers(row, wanted)
        await self._deliver_identifiers(row)
        self.log(row, Action.WRITE, access_log.CONNECTIONS, str(row["patient_id"]))
        return True

    async def identifiers(self, row: Row) -> list[Row]:
        """Return the clinic's own identifiers of the patient of an active consent."""
        found = await self.tx.all(statements.IDENTIFIERS, clinic_id=row["clinic_id"], patient_ids=[row["patient_id"]])
        return [{"system": each["system"], "value": each["value"]} for each in found]

    def log(self, row: Row, action: Action, collection: str, id: str) -> None:
        """Add an entry to the access log, which `finish` writes."""
        origin = self._origin
        self._entries.append(
            Entry(self.owner_id, row["clinic_id"], action, collection, [id], origin.client_id, origin.request_id)
        )

    async def finish(self) -> None:
        """Before the commit, store the number of live consents and the access log's entries, and queue the e-mails."""
        if self._has_changed:
            await self.tx.run(statements.COUNT, owner_id=self.owner_id, consents=len(self._live))
        self._logged = await access_log.write(self.tx, self._entries)
        for email in self._emails:
            await self._services.mailer.queue(self.tx, email)

    def announce(self) -> None:
        """After the commit, write the log lines, wake the clinics' waiting pulls, and start sending the e-mails."""
        access_log.emit(self._logged)
        for clinic_id in self._clinic_ids:
            self._services.db.notifier.notify(clinic_id)
        for line in self._lines:
            observability.log_event(**line)
        if self._emails:
            self._services.jobs.wake()

    async def _insert(self, clinic: Row, terms: Row, **columns: Any) -> Row:
        if self.at_clinic(clinic["id"]) is not None:
            raise AlreadyConnected
        if len(self._live) >= MAX_LIVE:
            raise TooManyConsents
        row: Row = dict.fromkeys(("patient_id", "code_mac", "code_expires_at", "ended_at", "ended_by"))
        row |= {"owner_id": self.owner_id, "id": new_id(), "clinic_id": clinic["id"], "purpose": Purpose.TREATMENT}
        row |= {"created_at": self.now, "updated_at": self.now, "head": 0, **terms, **columns}
        await self.tx.run(statements.INSERT, **row)
        self._has_changed = True
        row["clinic_name"] = clinic["name"]
        self._live[row["id"]] = row
        return row

    async def _update(self, row: Row) -> Row:
        row["updated_at"] = self.now
        await self.tx.run(statements.UPDATE, **row)
        self._has_changed = True
        self._live[row["id"]] = row
        return row

    async def _patient(self, clinic_id: UUID) -> UUID:
        """Return the id by which the clinic knows the owner: the id from an earlier consent, or a new random id."""
        key = {"clinic_id": clinic_id, "owner_id": self.owner_id}
        found = await self.tx.one(statements.PATIENT, **key)
        if found is None:
            found = {"id": make_id(uuid4().bytes)}
            await self.tx.run(statements.INSERT_PATIENT, **key, **found)
        id: UUID = found["id"]
        return id

    async def _insert_identifiers(self, row: Row, identifiers: list[Row]) -> None:
        key = {"clinic_id": row["clinic_id"], "patient_id": row["patient_id"]}
        if identifiers:
            await self.tx.write((statements.INSERT_IDENTIFIERS, [key | each for each in identifiers]))

    async def _last_version(self, clinic_id: UUID, patient_id: UUID) -> int:
        """Return the last version of the former connection of the same patient; 0 if there was none.

        The versions of a new connection continue after this version.
        """
        key = {"owner_id": self.owner_id, "clinic_id": clinic_id, "collection": CONNECTIONS, "id": patient_id}
        found = await self.tx.one(coverage.LAST_VERSION, **key)
        return 0 if found is None else int(found["version"])

    async def _deliver(self, row: Row) -> None:
        """Mark the connection and all records that the consent covers as changed for the clinic.

        Mark the records that the consent no longer covers as removed for the clinic. All these changes get the
        consent's new `head` as their version.
        """
        change = {"owner_id": self.owner_id, "version": row["head"], "changed_at": self.now}
        await self._deliver_connection(row, removed=False)
        for kind in kinds():
            if kind.clinical or kind.collection in row["shares"]:
                await self.tx.run(coverage.deliver(kind), id=row["id"], **change)
        await self.tx.run(coverage.WITHDRAW, clinic_id=row["clinic_id"], **change)

    async def _deliver_connection(self, row: Row, *, removed: bool) -> None:
        changed = item(
            row["clinic_id"], CONNECTIONS, row["patient_id"], row["head"], removed=removed, changed_at=self.now
        )
        await self.tx.write((coverage.UPSERT_ITEMS, [changed | {"owner_id": self.owner_id}]))
        self._clinic_ids.add(row["clinic_id"])

    async def _deliver_identifiers(self, row: Row) -> None:
        """Mark the connection as changed for the clinic, because the identifiers of the patient changed."""
        row["head"] += 1
        await self.tx.write((coverage.UPDATE_HEADS, [row]))
        await self._deliver_connection(row, removed=False)
        self._has_changed = True

    async def _start(self, row: Row, identifier: Row) -> None:
        await self._add_identifier(row, identifier)
        await self._deliver(row)
        self._note(row, Action.CONNECT, emails.consent_started(self._owner["email"], row["clinic_name"]))
        self._lines.append({"event": "consent-started", **_named(row)})

    def _note(self, row: Row, action: Action, email: Email) -> None:
        self.log(row, action, CONSENTS, str(row["id"]))
        if self._origin.sends_emails and row["patient_id"] is not None:  # None: the consent was only proposed
            self._emails.append(email)


def _named(row: Row) -> Row:
    return {"consent_id": row["id"], "clinic_id": row["clinic_id"]}


def _ends_at(code_expires_at: datetime | None, until: datetime | None) -> datetime | None:
    """Return when a consent expires: the earlier of the expiry of its code and `until`; None if both are None."""
    return min((each for each in (code_expires_at, until) if each is not None), default=None)


def is_past(row: Row, now: datetime) -> bool:
    """Return whether a consent has expired at `now`, even if its row still has the status `active` or `proposed`."""
    return row["ends_at"] is not None and row["ends_at"] <= now


def ended_if_expired(row: Row, now: datetime) -> Row:
    """Return the row of a consent; if the consent has expired at `now`, return it with the status `inactive`."""
    if not is_past(row, now):
        return row
    return row | {"status": ConsentStatus.INACTIVE, "ended_at": row["ends_at"], "ended_by": EndedBy.EXPIRY}


async def open_write(tx: Transaction, services: Services, owner_id: UUID, origin: Origin) -> ConsentWrite:
    """Lock an owner's feed, read the live consents, and end those that have expired. Return the `ConsentWrite`.

    The caller must run `finish` before the commit, and `announce` after it. Raise `NotFound` if the owner was erased.
    """
    owner = await tx.one(statements.LOCK_FEED, owner_id=owner_id)
    if owner is None:
        raise NotFound
    write = ConsentWrite(tx, services, owner, await tx.all(statements.LIVE, owner_id=owner_id), origin)
    await write.end_past()
    return write


@asynccontextmanager
async def lock_consents(services: Services, owner_id: UUID, origin: Origin) -> AsyncIterator[ConsentWrite]:
    """Lock an owner's feed, and execute the block with a `ConsentWrite`.

    After the block, commit the transaction, write the log lines and start sending the e-mails. If the block raises an
    exception, roll the transaction back. Raise `NotFound` if the owner was erased.
    """
    async with services.db.transaction() as tx:
        write = await open_write(tx, services, owner_id, origin)
        yield write
        await write.finish()
    write.announce()
