"""The caller: the account and device behind an access token, checked against the database on every request.

A valid token does not prove that its device is still signed in. Each request checks this in the database, so a sign-out
takes effect on every worker with the next request. The check is part of the statements that read or lock records
(`SIGNED_IN`, `TIMEZONE`). If no such statement ran, or none found a row, the route calls `authenticate` before it
responds. See decision 009.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from app.db import Database, Row, Statement, bind
from app.http import PENDING_AUTH, header_values
from app.identity.device_session_statements import BEGIN_USE
from app.identity.tables import AccountRecord, DeviceRecord
from app.problems import Forbidden, NotSignedIn, Unavailable
from app.services import Claims, ClientClaims, Services, services_of

_account = AccountRecord.table()
_device = DeviceRecord.table()
_alive = (
    sa.select(_account.c.role, _account.c.timezone)
    .join_from(_device, _account, _device.c.account_id == _account.c.id)
    .where(
        _device.c.id == bind(_device.c.id, "device_id"),
        _device.c.account_id == bind(_device.c.account_id),
        _device.c.ended_at.is_(None),
        _account.c.closed_at.is_(None),
    )
)
_ALIVE: Final = Statement(_alive)
SIGNED_IN: Final = sa.exists(_alive)
"""An SQL condition: the caller's device is signed in. A row from a statement with this condition proves the sign-in."""
TIMEZONE: Final = _alive.with_only_columns(_account.c.timezone).scalar_subquery().label("timezone")
"""An SQL expression: the caller's time zone, or null if the caller's device is not signed in."""


@dataclass(slots=True)
class Caller:
    """The account and the device that send a request. A `View` says whose records the request reads or changes.

    Until `is_authenticated` is true, only the access token has been verified: the device may have been signed out.
    `role` is empty until `authenticate` has read it, `timezone` until `authenticate` or `confirm` has set it.
    """

    services: Services
    account_id: UUID
    device_id: UUID
    role: str = ""
    timezone: str = ""
    is_authenticated: bool = False
    is_internal: bool = False
    """Whether the program itself is the caller, not a device: then no device has to be signed in."""
    first_use: Claims | None = None
    """The claims of the access token until this worker has stored that the token was used; then None."""

    @property
    def db(self) -> Database:
        """The database."""
        return self.services.db

    @property
    def binds(self) -> dict[str, UUID]:
        """The bind values of `SIGNED_IN` and `TIMEZONE`."""
        return {"account_id": self.account_id, "device_id": self.device_id}

    @property
    def actor_id(self) -> UUID:
        """The id of the device, which is stored with each change that the caller makes."""
        return self.device_id

    def confirm(self, timezone: str | None) -> None:
        """Mark the caller as authenticated, and store the account's time zone.

        `timezone` is the column `TIMEZONE` of a statement, which is None if the device is no longer signed in. Then raise
        `NotSignedIn`, even if an earlier statement of the same request proved the sign-in, unless the server itself
        created this caller (`is_internal`).
        """
        if timezone is None:
            if not self.is_internal:
                raise NotSignedIn
        elif not self.is_authenticated:
            self.timezone, self.is_authenticated = timezone, True

    async def authenticate(self) -> None:
        """Check that the device is signed in, unless a statement has proved it; raise `NotSignedIn` if it is not.

        Also store the first use of the access token on this worker.
        """
        if not self.is_authenticated:
            alive = await self._read_sign_in()
            if alive is None:
                raise NotSignedIn
            self.role, self.timezone, self.is_authenticated = alive["role"], alive["timezone"], True
        if self.first_use is not None:
            await self._begin_use(self.first_use)

    async def _begin_use(self, claims: Claims) -> None:
        """Store that the access token was used: the refresh that issued it can then not be repeated (decision 072)."""
        with suppress(Unavailable):  # the next request tries again
            await self.db.run(BEGIN_USE, id=self.device_id, tag=claims.unused)
            self.first_use = claims.unused = None

    async def is_signed_in(self) -> bool:
        """Return whether the device is still signed in. A long request calls this repeatedly."""
        return await self._read_sign_in() is not None

    async def _read_sign_in(self) -> Row | None:
        return await self.db.one(_ALIVE, **self.binds)


class SignedIn(SecurityBase):
    """A FastAPI dependency that authenticates the caller, and documents the authentication in the OpenAPI document."""

    def __init__(self) -> None:
        """Describe the security scheme for the OpenAPI document."""
        self.scheme_name = "AccessToken"
        self.model = HTTPBearer(
            bearerFormat="JWT",
            description="The `access_token` returned by sign-in or refresh. It expires after ten minutes.",
        )

    async def __call__(self, request: Request) -> Caller:
        """Return the authenticated caller.

        Raise `NotSignedIn` unless there is exactly one Authorization header, with a valid token of a device that is
        signed in. Raise `Forbidden` if the token is a client's.
        """
        caller = identify(request)
        await caller.authenticate()
        return caller


def identify(request: Request) -> Caller:
    """Return the caller that the access token names. Call `Caller.authenticate` to check that the device is signed in.

    Raise `NotSignedIn` if there is no valid token, and `Forbidden` if the token is a client's.
    """
    services = services_of(request)
    claims = services.tokens.verify(bearer_token(request))
    if isinstance(claims, ClientClaims):
        request.scope[PENDING_AUTH] = partial(services.clients.check, claims.client_id)  # 401 for an ended client
        raise Forbidden
    request.scope["account_id"] = claims.account_id
    caller = Caller(services, claims.account_id, claims.device_id)
    if claims.unused is not None:
        caller.first_use = claims
    return caller


def bearer_token(request: Request) -> str:
    """Return the token in the Authorization header.

    Raise `NotSignedIn` unless there is exactly one such header and its scheme is Bearer.
    """
    values = header_values(request, b"authorization")
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        raise NotSignedIn
    return token


Call = Annotated[Caller, Depends(SignedIn())]
"""The type of a route's parameter for the caller, who is authenticated before the rest of the request is read."""
