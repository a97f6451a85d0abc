"""Check whether a client may still call the API, and find its keys at a URL."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app.clinics.key_urls import KeyUrls
from app.clinics.keys import Jwk
from app.clinics.tables import ClientRecord, ClinicRecord
from app.db import Database, Row, Statement, bind
from app.problems import NotSignedIn

_clinic, _client = ClinicRecord.table(), ClientRecord.table()
ACTIVE: Final = (
    sa.select(_client.c.id)
    .join_from(_client, _clinic, _client.c.clinic_id == _clinic.c.id)
    .where(_client.c.id == bind(_client.c.id, "client_id"), _client.c.ended_at.is_(None), _clinic.c.ended_at.is_(None))
)
"""Selects the client `client_id` if neither it nor its clinic has ended."""
_ACTIVE: Final = Statement(ACTIVE)


class Clients:
    """Reads the state and the keys of clinics' clients.

    An access token does not say whether its client has ended, so `check` reads the database.
    """

    def __init__(self, db: Database, key_urls: KeyUrls) -> None:
        """Take the database with the clients, and the cache of the keys at clients' URLs."""
        self._db, self._key_urls = db, key_urls
        self.known: dict[UUID, Row] = {}
        """The clinic's id and name and the purpose of each client that has called this worker: they never change."""

    async def check(self, client_id: UUID) -> None:
        """Raise `NotSignedIn` if the client or its clinic has ended."""
        if await self._db.one(_ACTIVE, client_id=client_id) is None:
            raise NotSignedIn

    async def keys_at(self, url: str, kid: object) -> list[Jwk]:
        """Return the usable keys with this `kid` at a client's URL; an empty list if they cannot be fetched."""
        return await self._key_urls.find(url, kid)
