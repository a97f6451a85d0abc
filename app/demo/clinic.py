"""The demo's clinic: a client, two invitations, two webhooks, managed sessions, and the consent of the demo's person.

The private key of the client is in a file in the folder of the keyring.
"""

import os
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app import clock
from app.clinics import administration
from app.clinics.administration import KeySource
from app.clinics.calls import ClientCaller
from app.clinics.codes import new_code, normalize
from app.clinics.consent_tables import EndedBy, InvitationRecord, PatientRecord
from app.clinics.keys import Jwk, public_key
from app.clinics.scopes import SUPPORTED, render
from app.clinics.tables import Purpose, WebhookRecord, WebhookStatus
from app.consents import examples, statements
from app.consents.codes import mac_of
from app.consents.writing import Origin, lock_consents
from app.db import Row, Statement, Transaction, bind
from app.exchange.entries import parse
from app.exchange.examples import SESSION_IDENTIFIER
from app.exchange.push import push
from app.identity import jws
from app.ids import new_id
from app.openapi import removable_id
from app.problems import IdentifierInUse, TooManyConsents, UnknownCode
from app.services import Services
from app.settings import Settings
from app.webhooks import examples as webhooks
from app.webhooks.registering import new_row
from app.webhooks.signing import new_secret

CLIENT_ID: Final = UUID(examples.CLIENT_ID)
_CLINIC_ID: Final = UUID(examples.CLINIC_ID)
_INVITATIONS: Final = (UUID(examples.INVITATION_ID), UUID(removable_id(examples.INVITATION_ID)))
_WEBHOOKS: Final = (UUID(webhooks.WEBHOOK_ID), UUID(removable_id(webhooks.WEBHOOK_ID)))
_LIFE: Final = timedelta(days=7)
_SESSIONS: Final = ((104, -20), (121, 8))
"""The managed sessions: the number in the clinic's identifier, and the day of the session, in days from today."""
_invitation, _patient, _webhook = InvitationRecord.table(), PatientRecord.table(), WebhookRecord.table()
_DELETE_INVITATION: Final = Statement(sa.delete(_invitation).where(_invitation.c.id == bind(_invitation.c.id)))
_DELETE_WEBHOOK: Final = Statement(sa.delete(_webhook).where(_webhook.c.id == bind(_webhook.c.id)))
_INSERT_WEBHOOK: Final = Statement(sa.insert(_webhook).values({column.name: bind(column) for column in _webhook.c}))


def key_file(settings: Settings) -> Path:
    """Return the path of the file with the private key of the demo's client."""
    return settings.keyring.with_name("afterglow-demo-clinic.pem")


async def create_clinic(services: Services, owner_id: UUID) -> None:
    """Create the clinic, its client and the owner's consent if they do not exist; push the managed sessions.

    Each call replaces the client's keys, the invitations and the webhooks, so that examples that use them can be
    executed again.
    """
    keys = KeySource([_public_part(key_file(services.settings))], None)
    async with services.db.transaction() as tx:
        if await administration.find_clinic(tx, _CLINIC_ID) is None:
            share_code = normalize(examples.SHARE_CODE)
            await administration.add_clinic(tx, examples.CLINIC_NAME, None, id=_CLINIC_ID, share_code=share_code)
            scopes = render(SUPPORTED)
            await administration.add_client(tx, _CLINIC_ID, keys, scopes, Purpose.TREATMENT, id=CLIENT_ID)
        else:
            await administration.change_keys(tx, CLIENT_ID, keys)
        for id in _INVITATIONS:
            await tx.run(_DELETE_INVITATION, id=id)
            await tx.run(statements.INSERT_INVITATION, **_invitation_row(services, id))
        for id in _WEBHOOKS:
            await tx.run(_DELETE_WEBHOOK, id=id)
            webhook = new_row(services, _CLINIC_ID, id, webhooks.DRAFT["url"], new_secret())
            await tx.run(_INSERT_WEBHOOK, **(webhook | {"status": WebhookStatus.DISABLED}))
    with suppress(IdentifierInUse, TooManyConsents, UnknownCode):  # a tester has changed the clinic
        await _give_consent(services, owner_id)
    await _push_sessions(services)


def _invitation_row(services: Services, id: UUID) -> Row:
    now = clock.now()
    return {
        "clinic_id": _CLINIC_ID,
        "id": id,
        "code_mac": mac_of(services, new_code()),
        **examples.IDENTIFIER,
        "asks": examples.ASKS,
        "created_at": now,
        "expires_at": now + _LIFE,
        "used_by": None,
        "used_at": None,
    }


async def _give_consent(services: Services, owner_id: UUID) -> None:
    async with lock_consents(services, owner_id, Origin(EndedBy.PATIENT, sends_emails=False)) as write:
        await write.lock_clinic(_CLINIC_ID)
        if write.at_clinic(_CLINIC_ID) is not None:
            return
        id = UUID(examples.CONSENT_ID)
        former = await write.tx.one(statements.CONSENT, owner_id=owner_id, id=id)
        if former is None:
            await _set_patient_id(write.tx, owner_id)
        shown = {name: examples.CONSENT[name] for name in ("shares", "receives", "name", "until")}
        terms = shown | {"id": id if former is None else new_id()}
        clinic = {"id": _CLINIC_ID, "name": examples.CLINIC_NAME}
        await write.give(clinic, terms, dict(examples.IDENTIFIER), Purpose.TREATMENT)


async def _push_sessions(services: Services) -> None:
    """Push the managed sessions as the clinic's client would.

    A session that a tester has removed, or detached from the clinic, is not changed.
    """
    caller = ClientCaller(
        services,
        CLIENT_ID,
        _CLINIC_ID,
        examples.CLINIC_NAME,
        Purpose.TREATMENT,
        render(SUPPORTED),
        request_id=str(new_id()),
    )
    today = clock.now().replace(hour=10, minute=0, second=0, microsecond=0)
    await push(caller, [parse(_session(number, today + timedelta(days=days))) for number, days in _SESSIONS])


def _session(number: int, started_at: datetime) -> Row:
    """Return a session as an entry of a clinic's push: completed if it started in the past, else planned."""
    planned = {"kind": "dosing", "scheduled_at": clock.format_instant(started_at), "timezone": "Europe/Amsterdam"}
    given = {
        "status": "completed",
        "started_at": planned["scheduled_at"],
        "ended_at": clock.format_instant(started_at + timedelta(minutes=100)),
        "setting": "clinic",
        "supervision": "in-person-clinician",
        "medicine": "racemic-ketamine",
        "route": "intramuscular",
        "dose_value": 50,
        "dose_unit": "mg",
    }
    return {
        "patient": examples.IDENTIFIER,
        "identifier": {"system": SESSION_IDENTIFIER["system"], "value": f"S-2026-{number}"},
        "revision": 1,
        "session": planned | (given if started_at < clock.now() else {}),
    }


async def _set_patient_id(tx: Transaction, owner_id: UUID) -> None:
    """Store the patient id of the examples as the id by which the clinic knows the owner.

    Do nothing if the clinic already knows the owner by an id, or another account by this id.
    """
    key = {"clinic_id": _CLINIC_ID, "owner_id": owner_id}
    known = await tx.one(statements.PATIENT, **key)
    taken = await tx.one(statements.ANY_PATIENT, clinic_id=_CLINIC_ID, id=UUID(examples.PATIENT_ID))
    if known is None and taken is None:
        await tx.run(statements.INSERT_PATIENT, **key, id=UUID(examples.PATIENT_ID))


def _public_part(file: Path) -> Jwk:
    """Return the public key that belongs to the private key in a file.

    If the file does not exist, create it with a new private key.
    """
    if not file.exists():
        pem = ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as created:
            created.write(pem)
    key = jws.load_key(file.read_text(encoding="ascii"), "ES384")
    return public_key(key.public_key().to_dict() | {"kid": "demo"})
