"""The rows of webhooks, and their changes that take days or a failure otherwise."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.clinics.tables import ClinicRecord, WebhookRecord
from app.db import Row, Statement, bind
from tests.consents.clinic import Clinic
from tests.drafts import Json
from tests.serving import Server
from tests.waiting import wait_until
from tests.webhooks.receiver import SECONDS

_webhook, _clinic = WebhookRecord.table(), ClinicRecord.table()
_this = _webhook.c.id == bind(_webhook.c.id)
_FIND = Statement(sa.select(_webhook).where(_this))
_CLINIC = Statement(sa.select(_clinic).where(_clinic.c.id == bind(_clinic.c.id)))
_CONTACT = Statement(
    sa.update(_clinic).where(_clinic.c.id == bind(_clinic.c.id)).values(contact=bind(_clinic.c.contact))
)


def row_of(server: Server, webhook: Json) -> Row:
    """Return the row of a webhook."""
    return server.run(server.db.only(_FIND, id=UUID(webhook["id"])))


def exists(server: Server, webhook: Json) -> bool:
    """Return whether the row of a webhook exists."""
    return server.run(server.db.one(_FIND, id=UUID(webhook["id"]))) is not None


def head_of(server: Server, clinic: Clinic) -> int:
    """Return the number of a clinic's latest change."""
    head: int = server.run(server.db.only(_CLINIC, id=clinic.id))["head"]
    return head


def set_row(server: Server, webhook: Json, **values: Any) -> None:
    """Change columns of a webhook."""
    change = Statement(sa.update(_webhook).where(_this).values({name: bind(_webhook.c[name]) for name in values}))
    server.run(server.db.run(change, id=UUID(webhook["id"]), **values))


def set_contact(server: Server, clinic: Clinic, contact: str) -> None:
    """Set the contact of a clinic."""
    server.run(server.db.run(_CONTACT, id=clinic.id, contact=contact))


def settled(server: Server, clinic: Clinic, webhook: Json) -> None:
    """Wait until the webhook was told of all that there is."""
    wait_until(lambda: row_of(server, webhook)["delivered"] == head_of(server, clinic) > 0, SECONDS)
