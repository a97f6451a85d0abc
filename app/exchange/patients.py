"""SQL statements of a clinic's push: find its patients, lock a patient's feed, and then read consents and sessions.

A patient is an owner, as a clinic sees the owner.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app.clinics.calls import IS_ACTIVE, ClientCaller
from app.clinics.consent_tables import PatientIdentifier, PatientRecord, SharedItem
from app.db import Statement, any_of, bind
from app.identity import Feed
from app.identity.tables import AccountRecord
from app.records import access
from app.records.coverage import ACTIVE_WITH_FEED
from app.records.tables import Change
from app.resources.sessions import SESSIONS

Patient = UUID | tuple[str, str]
"""How a push names a patient: by id, or by the system and the value of the clinic's identifier of the patient."""
_account, _feed, _change = AccountRecord.table(), Feed.table(), Change.table()
_patient, _identifier, _item = PatientRecord.table(), PatientIdentifier.table(), SharedItem.table()
_BY_ID: Final = Statement(
    sa.select(_patient.c.id, _patient.c.owner_id).where(
        _patient.c.clinic_id == bind(_patient.c.clinic_id), any_of(_patient.c.id, "ids"), IS_ACTIVE
    )
)
_BY_IDENTIFIER: Final = Statement(
    sa.select(_identifier.c.system, _identifier.c.value, _patient.c.id, _patient.c.owner_id)
    .join_from(
        _identifier,
        _patient,
        sa.and_(_patient.c.clinic_id == _identifier.c.clinic_id, _patient.c.id == _identifier.c.patient_id),
    )
    .where(
        _identifier.c.clinic_id == bind(_identifier.c.clinic_id),
        any_of(_identifier.c.system, "systems"),
        any_of(_identifier.c.value, "some"),
        IS_ACTIVE,
    )
)
LOCK: Final = Statement(
    sa.select(_feed.c.head, _feed.c.epoch, _account.c.timezone, *access.USAGE)
    .join_from(_feed, _account, _feed.c.owner_id == _account.c.id)
    .where(_feed.c.owner_id == bind(_feed.c.owner_id))
    .with_for_update(of=_feed, key_share=True)
)
"""Locks a patient's feed: the first statement of the transaction that writes. It does not check the consent."""


def _state() -> Statement:
    sessions, former = SESSIONS.table, access.FORMER
    change = sa.and_(
        _change.c.owner_id == _feed.c.owner_id,
        _change.c.collection == sa.literal_column(f"'{SESSIONS.collection}'", sa.String()),
        any_of(_change.c.id, "ids"),
    )
    session = sa.and_(sessions.c.owner_id == _change.c.owner_id, sessions.c.id == _change.c.id)
    item = sa.and_(
        _item.c.owner_id == _change.c.owner_id,
        _item.c.clinic_id == bind(_item.c.clinic_id),
        _item.c.collection == _change.c.collection,
        _item.c.id == _change.c.id,
    )
    stored = [sessions.c[name] for name in access.statements(SESSIONS).stored_names]
    return Statement(
        sa.select(ACTIVE_WITH_FEED, _change.c.id.label("record_id"), _item.c.version)
        .add_columns(_change.c.seq.label("number"), _change.c.deleted, *former, *stored)
        .select_from(sa.outerjoin(_feed, _change, change).outerjoin(sessions, session).outerjoin(_item, item))
        .where(_feed.c.owner_id == bind(_feed.c.owner_id))
    )


STATE: Final = _state()
"""Selects the active consents of a patient, and what is stored about the sessions with the given `ids`.

Each row has the consents and one session: its id, its version for the clinic, and the columns that `snapshot_of` takes.
If no session with these ids was ever stored, the only row has nulls instead. The statement runs after `LOCK`.
"""


class Known(NamedTuple):
    """The patients of a push that the clinic knows.

    `ids` has the patient id by the id or identifier that was sent, and `owners` the account id by patient id.
    """

    ids: dict[Patient, UUID]
    owners: dict[UUID, UUID]


async def resolve(caller: ClientCaller, patients: Iterable[Patient]) -> Known:
    """Return those of the given patients that the clinic knows, whether or not it may write their records."""
    ids = [each for each in patients if isinstance(each, UUID)]
    named = {each for each in patients if isinstance(each, tuple)}
    known = Known({}, {})
    for row in await caller.db.all(_BY_ID, **caller.binds, ids=ids) if ids else ():
        known.ids[row["id"]] = row["id"]
        known.owners[row["id"]] = row["owner_id"]
    if named:
        systems, values = ([*{each[part] for each in named}] for part in (0, 1))
        for row in await caller.db.all(_BY_IDENTIFIER, **caller.binds, systems=systems, some=values):
            known.ids[row["system"], row["value"]] = row["id"]
            known.owners[row["id"]] = row["owner_id"]
    return known
