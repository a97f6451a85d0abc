"""A clinic for the tests of consents: its client's token, and the requests that its system sends."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from app.clinics import administration
from app.clinics.administration import KeySource
from app.clinics.codes import show
from app.clinics.keys import read_key_set
from app.clinics.scopes import SUPPORTED, render
from app.clinics.tables import Purpose
from app.ids import new_id
from tests.clinics.keys import ec_key, key_set, public_jwk
from tests.drafts import Json
from tests.serving import Person, Server
from tests.witness import Client

ALL_SCOPES: Final = render(SUPPORTED)
SYSTEM: Final = "urn:wisteria-house:chart"
TERMS: Final[Json] = {"shares": ["elements", "sessions"], "receives": True}


@dataclass
class Clinic:
    """A clinic with a client, as the program that acts for it."""

    id: UUID
    client_id: UUID
    share_code: str
    token: str
    client: Client

    def identifier(self, value: str = "P-1") -> Json:
        """Return an identifier of this clinic."""
        return {"system": SYSTEM, "value": value}

    def invite(self, value: str = "P-1", **changes: Any) -> Json:
        """Invite a patient; return the invitation with its code."""
        asks = TERMS | {"purpose": "treatment"}
        draft = {"identifier": self.identifier(value), "asks": asks} | changes
        response = self.client.post("/v1/clinic/invitations", json=draft)
        assert response.status_code == 201, response.text
        invitation: Json = response.json()
        return invitation

    def connections(self, **query: str) -> list[Json]:
        """Return the connections that the client sees."""
        items: list[Json] = self.client.get("/v1/clinic/connections", params=query).json()["items"]
        return items

    def redeem(self, code: str, value: str = "P-1") -> Json:
        """Redeem a proposal's code; return the connection."""
        draft = {"code": code, "identifier": self.identifier(value)}
        response = self.client.post("/v1/clinic/connections", json=draft)
        assert response.status_code == 201, response.text
        connection: Json = response.json()
        return connection


def new_clinic(
    server: Server, name: str = "Wisteria House", *, scopes: str = ALL_SCOPES, purpose: Purpose = Purpose.TREATMENT
) -> Clinic:
    """Add a clinic with a client."""

    async def add() -> tuple[UUID, str]:
        async with server.db.transaction() as tx:
            clinic = await administration.add_clinic(tx, name, None)
        return clinic["id"], clinic["share_code"]

    id, share_code = server.run(add())
    return new_client(server, id, share_code, scopes=scopes, purpose=purpose)


def new_client(
    server: Server,
    clinic_id: UUID,
    share_code: str = "",
    *,
    scopes: str = ALL_SCOPES,
    purpose: Purpose = Purpose.TREATMENT,
) -> Clinic:
    """Add a client to a clinic, and return the clinic as this client acts for it."""
    keys = KeySource(read_key_set(key_set(public_jwk(ec_key(), "ec"))), None)

    async def add() -> UUID:
        async with server.db.transaction() as tx:
            client = await administration.add_client(tx, clinic_id, keys, scopes, purpose)
        assert client is not None
        id: UUID = client["id"]
        return id

    client_id = server.run(add())
    token = server.services.tokens.issue_to_client(client_id, scopes)
    shown = show(share_code) if share_code else ""
    return Clinic(clinic_id, client_id, shown, token, server.client(token))


def give(person: Person, clinic: Clinic, value: str = "", **terms: Any) -> Json:
    """Connect a person to a clinic by an invitation; return the consent."""
    code = clinic.invite(value or f"P-{new_id().hex}")["code"]
    response = person.client.post("/v1/consents", json=TERMS | {"code": code} | terms)
    assert response.status_code == 201, response.text
    consent: Json = response.json()
    assert consent.pop("code") is None
    return consent


def propose(person: Person, clinic: Clinic, **terms: Any) -> Json:
    """Propose a consent by the clinic's share code; return it, with its code."""
    response = person.client.post("/v1/consents", json=TERMS | {"clinic": clinic.share_code} | terms)
    assert response.status_code == 201, response.text
    consent: Json = response.json()
    return consent


def accesses(person: Person) -> list[Json]:
    """Return a person's access log, newest first."""
    items: list[Json] = person.client.get("/v1/access", params={"limit": 200}).json()["items"]
    return items
