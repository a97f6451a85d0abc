"""Calls of clients: the client behind an access token, its clinic, and the scope that a route needs."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from app.clinics import scopes
from app.clinics.caller import ACTIVE
from app.clinics.tables import ClientRecord, ClinicRecord, Purpose
from app.db import Database, Lookup
from app.http import PENDING_AUTH
from app.identity.caller import Caller, bearer_token
from app.problems import Forbidden, InsufficientScope, NotSignedIn
from app.services import ClientClaims, Services, services_of

_clinic, _client = ClinicRecord.table(), ClientRecord.table()
IS_ACTIVE: Final = sa.exists(ACTIVE)
"""An SQL condition: neither the client `client_id` nor its clinic has ended."""
CLINIC_ID: Final = ACTIVE.with_only_columns(_client.c.clinic_id).scalar_subquery()
"""An SQL expression: the id of the clinic of the client `client_id`; null if the client or its clinic has ended."""
_CALLER: Final = Lookup(
    ACTIVE.with_only_columns(_client.c.clinic_id, _client.c.purpose, _clinic.c.name.label("clinic_name"))
)


@dataclass(slots=True)
class ClientCaller:
    """The client that sent a request, with its clinic, its purpose, the scopes of its token, and the request's id.

    `is_active` says whether a statement has proved that neither the client nor its clinic has ended.
    """

    services: Services
    client_id: UUID
    clinic_id: UUID
    clinic_name: str
    purpose: Purpose
    scope: str
    request_id: str
    is_active: bool = True

    @property
    def db(self) -> Database:
        """The database."""
        return self.services.db

    @property
    def binds(self) -> dict[str, Any]:
        """The bind values of statements that check what the client may see."""
        return {"client_id": self.client_id, "clinic_id": self.clinic_id, "purpose": self.purpose}

    async def authenticate(self) -> None:
        """Check that neither the client nor its clinic has ended, unless a statement has proved it.

        Raise `NotSignedIn` if one of them has ended.
        """
        if not self.is_active:
            await self.services.clients.check(self.client_id)
            self.is_active = True


class ClientToken(SecurityBase):
    """A dependency that returns the calling client, or refuses the request, and documents how clients authenticate.

    `ClientToken("Patient", "c")` accepts only tokens with the scope to create patients. Without a resource type, it
    accepts the token of any client.

    With `is_lazy`, the route's own statement proves that the client is active, and the route then sets
    `ClientCaller.is_active`. If it does not, the check runs before the response is sent.
    """

    def __init__(self, kind: str = "", letters: str = "", *, is_lazy: bool = False) -> None:
        """Take the resource type and the scope letters that the token needs; describe the scheme for OpenAPI."""
        self._is_lazy = is_lazy
        self._kind, self._letters, self._scope = kind, {*letters}, f"system/{kind}.{letters}"
        self.scheme_name = "ClientToken"
        self.model = HTTPBearer(
            bearerFormat="JWT",
            description="The `access_token` that `POST /oauth/token` or `afterglow clinic token` returned to a client. It "
            "expires after five minutes.",
        )

    async def __call__(self, request: Request) -> ClientCaller:
        """Return the client whose access token is in the Authorization header.

        Raise `NotSignedIn` if the token is not valid or the client or its clinic has ended, `Forbidden` if the token is
        a person's, and `InsufficientScope` if it lacks the scope.
        """
        services = services_of(request)
        claims = services.tokens.verify(bearer_token(request))
        if not isinstance(claims, ClientClaims):
            person = Caller(services, claims.account_id, claims.device_id)
            request.scope[PENDING_AUTH] = person.authenticate  # a signed-out device gets 401 instead
            raise Forbidden
        known = services.clients.known
        found, is_active = known.get(claims.client_id) if self._is_lazy else None, False
        if found is None:
            found, is_active = await services.db.one(_CALLER, client_id=claims.client_id), True
        if found is None:
            raise NotSignedIn
        known[claims.client_id] = found
        caller = ClientCaller(
            services,
            claims.client_id,
            scope=claims.scope,
            request_id=request.scope["request_id"],
            is_active=is_active,
            **found,
        )
        request.scope[PENDING_AUTH] = caller.authenticate
        request.scope["clinic_id"] = found["clinic_id"]
        if not self._letters.issubset(scopes.parse(claims.scope).get(self._kind, "")):
            raise InsufficientScope.needing(self._scope)
        return caller
