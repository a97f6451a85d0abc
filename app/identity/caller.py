"""The caller: the account and device behind an access token, checked against the database on every request.

The token only authenticates. Whether its device is still signed in is read on each request, so a sign-out takes effect
on every worker with the next request. A statement that reads or locks records checks it too (`SIGNED_IN`, `TIMEZONE`);
if no such statement ran, or it found no row, the route checks before it answers (`authenticate`). See decision 009.
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
"""The condition that the caller's device is signed in. A statement with it proves the sign-in by returning a row."""
TIMEZONE: Final = _alive.with_only_columns(_account.c.timezone).scalar_subquery().label("timezone")
"""The caller's time zone, or null if the caller's device is not signed in."""


@dataclass(slots=True)
class Caller:
    """Who calls: an account, on one of its devices. A `View` says whose records the request is about.

    Until `is_authenticated` is true, only the access token has been verified, not whether the device is still signed in.
    `role` is empty until `authenticate` has read it, `timezone` until `authenticate` or `confirm` has set it.
    """

    services: Services
    account_id: UUID
    device_id: UUID
    role: str = ""
    timezone: str = ""
    is_authenticated: bool = False
    is_internal: bool = False
    """Whether the program itself calls, without a device."""
    first_use: Claims | None = None
    """The claims of the access token, if this worker has not stored yet that it was used."""

    @property
    def db(self) -> Database:
        """The database."""
        return self.services.db

    @property
    def binds(self) -> dict[str, UUID]:
        """The values that `SIGNED_IN` and `TIMEZONE` take."""
        return {"account_id": self.account_id, "device_id": self.device_id}

    @property
    def actor_id(self) -> UUID:
        """The id that is recorded with each change: the device that made it."""
        return self.device_id

    def confirm(self, timezone: str | None) -> None:
        """Take what a statement returned as `TIMEZONE`, which proves that the device is signed in.

        Raise `NotSignedIn` if it is null, also if an earlier statement of the same request proved the sign-in.
        """
        if timezone is None:
            if not self.is_internal:
                raise NotSignedIn
        elif not self.is_authenticated:
            self.timezone, self.is_authenticated = timezone, True

    async def authenticate(self) -> None:
        """Read whether the device is signed in, unless a statement has proved it; raise `NotSignedIn` if it is not."""
        if not self.is_authenticated:
            alive = await self._read_sign_in()
            if alive is None:
                raise NotSignedIn
            self.role, self.timezone, self.is_authenticated = alive["role"], alive["timezone"], True
        if self.first_use is not None:
            await self._begin_use(self.first_use)

    async def _begin_use(self, claims: Claims) -> None:
        """Store that the tokens of the latest refresh are used, so that the refresh cannot be repeated (decision 072)."""
        with suppress(Unavailable):  # the next request tries again
            await self.db.run(BEGIN_USE, id=self.device_id, tag=claims.unused)
            self.first_use = claims.unused = None

    async def is_signed_in(self) -> bool:
        """Return whether the device is still signed in: for a long request, which has to check it repeatedly."""
        return await self._read_sign_in() is not None

    async def _read_sign_in(self) -> Row | None:
        return await self.db.one(_ALIVE, **self.binds)


class SignedIn(SecurityBase):
    """A dependency that returns the caller or refuses the request, and documents how callers authenticate."""

    def __init__(self) -> None:
        """Describe the scheme for the OpenAPI document."""
        self.scheme_name = "AccessToken"
        self.model = HTTPBearer(
            bearerFormat="JWT",
            description="The `access_token` returned by sign-in or refresh. It expires after ten minutes.",
        )

    async def __call__(self, request: Request) -> Caller:
        """Return the authenticated caller; raise `NotSignedIn` unless there is exactly one valid Authorization header."""
        caller = identify(request)
        await caller.authenticate()
        return caller


def identify(request: Request) -> Caller:
    """Return the caller that the token names, which is not authenticated yet; raise `Forbidden` if it is a client's token."""
    services = services_of(request)
    claims = services.tokens.verify(bearer_token(request))
    if isinstance(claims, ClientClaims):
        request.scope[PENDING_AUTH] = partial(services.clients.check, claims.client_id)  # then it is 401
        raise Forbidden
    request.scope["account_id"] = claims.account_id
    caller = Caller(services, claims.account_id, claims.device_id)
    if claims.unused is not None:
        caller.first_use = claims
    return caller


def bearer_token(request: Request) -> str:
    """Return the token in the one Authorization header."""
    values = header_values(request, b"authorization")
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        raise NotSignedIn
    return token


Call = Annotated[Caller, Depends(SignedIn())]
"""The caller, authenticated before anything else of the request is read."""
