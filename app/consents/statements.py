"""The statements on consents, invitations, patients and their identifiers.

An owner's consents are read after the owner's feed was locked, by a separate statement: on PostgreSQL, a condition on
the consent in the locking statement would allow a write after another transaction has committed the consent's end.
"""

from typing import Any, Final

import sqlalchemy as sa

from app.clinics.calls import IS_ACTIVE
from app.clinics.consent_tables import ConsentRecord, ConsentStatus, InvitationRecord, PatientIdentifier, PatientRecord
from app.clinics.tables import ClinicRecord
from app.db import Statement, any_of, bind, bulk_insert
from app.identity import Feed
from app.identity.tables import AccountRecord
from app.resources.sessions import SESSIONS

_account, _feed = AccountRecord.table(), Feed.table()
_clinic, _consent, _invitation = ClinicRecord.table(), ConsentRecord.table(), InvitationRecord.table()
_patient, _identifier, _session = PatientRecord.table(), PatientIdentifier.table(), SESSIONS.table
_ROWS: Final = sa.bindparam("rows", type_=sa.BigInteger)
_INACTIVE: Final[sa.ColumnElement[str]] = sa.literal_column(f"'{ConsentStatus.INACTIVE.value}'")
_ACTIVE: Final[sa.ColumnElement[str]] = sa.literal_column(f"'{ConsentStatus.ACTIVE.value}'")
_NOW: Final = bind(_consent.c.ends_at, "now")
_is_live: Final = _consent.c.status != _INACTIVE
_consents: Final = sa.select(_consent, _clinic.c.name.label("clinic_name")).join_from(
    _consent, _clinic, _consent.c.clinic_id == _clinic.c.id
)


def _same(table: sa.Table, *names: str) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == bind(table.c[name]) for name in names]


def _insert(table: sa.Table) -> Statement:
    return Statement(sa.insert(table).values({column.name: bind(column) for column in table.c}))


def page(
    select: sa.Select[Any], moment: sa.ColumnElement[Any], id: sa.ColumnElement[Any], *, continued: bool
) -> Statement:
    """Return the statement of a page of a list, newest first.

    If `continued` is true, it is a later page: the rows that follow the row with the time `after_at` and the id
    `after_id`.
    """
    if continued:
        select = select.where(sa.tuple_(moment, id) < sa.tuple_(bind(moment, "after_at"), bind(id, "after_id")))
    return Statement(select.order_by(moment.desc(), id.desc()).limit(_ROWS))


LOCK_FEED: Final = Statement(
    sa.select(_feed.c.owner_id, _feed.c.consents, _account.c.email, _account.c.closed_at)
    .join_from(_feed, _account, _feed.c.owner_id == _account.c.id)
    .where(*_same(_feed, "owner_id"))
    .with_for_update(of=_feed, key_share=True)
)
"""Locks an owner's feed. It is the first statement of every write of consents."""
COUNT: Final = Statement(
    sa.update(_feed)
    .where(*_same(_feed, "owner_id"))
    .values(consents=bind(_feed.c.consents), head=_feed.c.head + sa.literal_column("1"))
)
"""Stores the number of live consents in the owner's feed, and advances the feed's head.

A write of records that has read the former consents then finds another head, and is executed again.
"""
LIVE: Final = Statement(_consents.where(*_same(_consent, "owner_id"), _is_live))
CONSENT: Final = Statement(_consents.where(*_same(_consent, "owner_id", "id")))
INSERT: Final = _insert(_consent)
_kept: Final = {"owner_id", "id", "clinic_id", "purpose", "created_at"}
UPDATE: Final = Statement(
    sa.update(_consent)
    .where(*_same(_consent, "owner_id", "id"))
    .values({column.name: bind(column) for column in _consent.c if column.name not in _kept})
)
_own: Final = _consents.where(*_same(_consent, "owner_id"))
OWN_PAGES: Final = {
    continued: page(_own, _consent.c.created_at, _consent.c.id, continued=continued) for continued in (False, True)
}
EXPIRED_OWNERS: Final = Statement(
    sa.select(_consent.c.owner_id, sa.func.min(_consent.c.ends_at).label("since"))
    .where(_consent.c.ends_at <= _NOW)
    .group_by(_consent.c.owner_id)
    .order_by(sa.literal_column("since"))
    .limit(_ROWS)
)
"""Selects the owners who have consents that have expired and are not `inactive` yet, ordered by the first expiry."""
OWNERS_OF_CLINIC: Final = Statement(
    sa.select(_consent.c.owner_id)
    .where(*_same(_consent, "clinic_id"), _is_live, _consent.c.owner_id > bind(_consent.c.owner_id, "after"))
    .order_by(_consent.c.owner_id)
    .limit(_ROWS)
)
"""Selects a page of the owners who have a live consent for a clinic. Only the operator's commands execute this."""
OWNERS: Final = Statement(
    sa.select(_consent.c.owner_id)
    .where(_is_live, _consent.c.owner_id > bind(_consent.c.owner_id, "after"))
    .distinct()
    .order_by(_consent.c.owner_id)
    .limit(_ROWS)
)
"""Selects a page of the owners who have live consents. Only the operator's commands execute this."""

LOCK_CLINIC: Final = Statement(
    sa.select(_clinic.c.id, _clinic.c.name.label("clinic_name"))
    .where(*_same(_clinic, "id"), _clinic.c.ended_at.is_(None))
    .with_for_update(key_share=True)
)
"""Locks a clinic that has not ended. Returns no row if the clinic has ended.

So one transaction at a time changes the clinic's identifiers of patients. Lock the owner's feed first.
"""
CLINIC_OF_SHARE_CODE: Final = Statement(
    sa.select(_clinic.c.id, _clinic.c.name).where(*_same(_clinic, "share_code"), _clinic.c.ended_at.is_(None))
)

INSERT_INVITATION: Final = _insert(_invitation)
_is_open: Final = sa.and_(
    _invitation.c.used_at.is_(None), _invitation.c.expires_at > bind(_invitation.c.expires_at, "now")
)
INVITATION_OF_CODE: Final = Statement(
    sa.select(_invitation, _clinic.c.name.label("clinic_name"))
    .join_from(_invitation, _clinic, _invitation.c.clinic_id == _clinic.c.id)
    .where(*_same(_invitation, "code_mac"), _is_open, _clinic.c.ended_at.is_(None))
)
USE_INVITATION: Final = Statement(
    sa.update(_invitation)
    .where(*_same(_invitation, "clinic_id", "id"), _is_open)
    .values(used_by=bind(_invitation.c.used_by), used_at=bind(_invitation.c.expires_at, "now"))
    .returning(_invitation.c.id)
)
"""Marks an open invitation as used. If several transactions execute this, it returns a row to only one of them."""
DELETE_INVITATION: Final = Statement(
    sa.delete(_invitation)
    .where(*_same(_invitation, "clinic_id", "id"), _is_open, IS_ACTIVE)
    .returning(_invitation.c.id)
)
_open: Final = sa.select(_invitation).where(*_same(_invitation, "clinic_id"), _is_open, IS_ACTIVE)
INVITATION_PAGES: Final = {
    continued: page(_open, _invitation.c.created_at, _invitation.c.id, continued=continued)
    for continued in (False, True)
}

PATIENT: Final = Statement(sa.select(_patient.c.id).where(*_same(_patient, "clinic_id", "owner_id")))
INSERT_PATIENT: Final = _insert(_patient)
PROPOSAL_OF_CODE: Final = Statement(
    sa.select(_consent.c.owner_id, _consent.c.id).where(
        *_same(_consent, "code_mac", "clinic_id", "purpose"), _consent.c.ends_at > _NOW, IS_ACTIVE
    )
)
OWNER_OF_PATIENT: Final = Statement(
    sa.select(_patient.c.owner_id).where(*_same(_patient, "clinic_id", "id"), IS_ACTIVE)
)
ANY_PATIENT: Final = Statement(sa.select(_patient.c.owner_id).where(*_same(_patient, "clinic_id", "id")))
visible: Final = sa.and_(
    *_same(_consent, "clinic_id", "purpose"),
    _consent.c.status == _ACTIVE,
    sa.or_(_consent.c.ends_at.is_(None), _consent.c.ends_at > _NOW),
    IS_ACTIVE,
)
"""An SQL condition: a client may see a consent.

The consent is active and has not expired, it has the client's purpose, and neither the client nor its clinic has ended.
"""
_connections: Final = sa.select(_consent).where(visible)
_named: Final = sa.exists(
    sa.select(_identifier.c.patient_id).where(
        *_same(_identifier, "clinic_id", "system", "value"), _identifier.c.patient_id == _consent.c.patient_id
    )
)
CONNECTION_PAGES: Final = {
    (named, continued): page(
        _connections.where(_named) if named else _connections,
        _consent.c.created_at,
        _consent.c.patient_id,
        continued=continued,
    )
    for named in (False, True)
    for continued in (False, True)
}
_managed: Final = sa.and_(_session.c.owner_id == _consent.c.owner_id, _session.c.clinic_id == _consent.c.clinic_id)
CLINIC_STATE: Final = Statement(
    sa.select(
        _clinic.c.head,
        _clinic.c.epoch,
        sa.select(sa.func.count()).select_from(_consent).where(visible).scalar_subquery().label("connections"),
        sa.select(sa.func.count())
        .join_from(_consent, _session, _managed)
        .where(visible)
        .scalar_subquery()
        .label("sessions"),
    ).where(_clinic.c.id == bind(_clinic.c.id, "clinic_id"))
)
"""Selects a clinic's head and epoch, and the numbers of connections and of managed sessions that a client sees."""
_identifiers: Final = sa.select(_identifier.c.patient_id, _identifier.c.system, _identifier.c.value)
IDENTIFIERS: Final = Statement(
    _identifiers.where(*_same(_identifier, "clinic_id"), any_of(_identifier.c.patient_id, "patient_ids")).order_by(
        _identifier.c.system, _identifier.c.value
    )
)
OWNER_OF_IDENTIFIER: Final = Statement(_identifiers.where(*_same(_identifier, "clinic_id", "system", "value")))
INSERT_IDENTIFIERS: Final = bulk_insert(_identifier)
DELETE_IDENTIFIERS: Final = Statement(sa.delete(_identifier).where(*_same(_identifier, "clinic_id", "patient_id")))
