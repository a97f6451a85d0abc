"""The caller: who is behind an access token, asked of the database on every request.

The token only authenticates. Whether its device is still signed in is read each time, so that an ending is in force for
the next request on every worker. Where a request is about the caller's own records, the statement that reads or locks
them asks that, too; what is refused before it ran, or finds nothing, is answered only after asking for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from app.db import Database, Row, Statement, bind
from app.http import PENDING_AUTH, header_values
from app.identity.services import Services, services_of
from app.identity.tables import AccountRecord, DeviceRecord
from app.problems import NotSignedIn

_account = AccountRecord.table()
_device = DeviceRecord.table()
_alive = (
    sa.select(_account.c.role, _account.c.timezone)
    .join_from(_device, _account, _device.c.account_id == _account.c.id)
    .where(
        _device.c.id == bind(_device.c.id, "device_id"),
        _device.c.account_id == bind(_device.c.account_id, "owner_id"),
        _device.c.ended_at.is_(None),
        _account.c.closed_at.is_(None),
    )
)
_ALIVE: Final = Statement(_alive)
SIGNED_IN: Final = sa.exists(_alive)
"""The condition that the caller's device is signed in: with it, a row is the proof."""
TIMEZONE: Final = _alive.with_only_columns(_account.c.timezone).scalar_subquery().label("timezone")
"""The owner's time zone, or null where the caller's device is not signed in."""


@dataclass(slots=True)
class Caller:
    """A person on one of their devices; until `is_certain`, only their token says so.

    The role is known where it was asked for itself, the time zone there and once the caller's feed is locked.
    """

    services: Services
    account_id: UUID
    device_id: UUID
    role: str = ""
    timezone: str = ""
    is_authenticated: bool = False

    @property
    def db(self) -> Database:
        """The database."""
        return self.services.db

    @property
    def cursor_key(self) -> bytes:
        """What cursors are made unforgeable with."""
        return self.services.cursor_key

    async def fetch_own(self, statement: Statement, /, **values: object) -> Sequence[tuple[Any, ...]]:
        """Return the caller's own rows, bare, by a statement that asks for `SIGNED_IN`."""
        rows = await self.db.tuples(statement, owner_id=self.account_id, device_id=self.device_id, **values)
        self.is_authenticated = self.is_authenticated or bool(rows)
        return rows

    def confirm(self, timezone: str | None) -> None:
        """Take what a statement found as `TIMEZONE`; raise `NotSignedIn` where that is nothing, unless all is certain."""
        if not self.is_authenticated:
            if timezone is None:
                raise NotSignedIn
            self.timezone, self.is_authenticated = timezone, True

    async def authenticate(self) -> None:
        """Ask whether the device is signed in, if no statement told; raise `NotSignedIn` where it is not."""
        if not self.is_authenticated:
            alive = await self._alive()
            if alive is None:
                raise NotSignedIn
            self.role, self.timezone, self.is_authenticated = alive["role"], alive["timezone"], True

    async def is_signed_in(self) -> bool:
        """Ask again, for a request that goes on."""
        return await self._alive() is not None

    async def _alive(self) -> Row | None:
        return await self.db.one(_ALIVE, device_id=self.device_id, owner_id=self.account_id)


class SignedIn(SecurityBase):
    """Finds the caller, or refuses; and tells the document how callers are known."""

    def __init__(self, *, in_passing: bool = False) -> None:
        """Say which scheme it is, and whether the device is asked about `in_passing`: by the endpoint's own statement,
        or, where that did not tell, before the answer.
        """
        self._in_passing = in_passing
        self.scheme_name = "AccessToken"
        self.model = HTTPBearer(
            bearerFormat="JWT",
            description="The `access_token` that signing in or refreshing answered with. It lives ten minutes.",
        )

    async def __call__(self, request: Request) -> Caller:
        """Return the caller behind the one Authorization header."""
        services = services_of(request)
        claims = services.tokens.verify(_bearer(request))
        caller = Caller(services, claims.account_id, claims.device_id)
        if self._in_passing:
            request.scope[PENDING_AUTH] = caller.authenticate
        else:
            await caller.authenticate()
        request.scope["account_id"] = claims.account_id
        return caller


def _bearer(request: Request) -> str:
    values = header_values(request, b"authorization")
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        raise NotSignedIn
    return token


Call = Annotated[Caller, Depends(SignedIn())]
"""Who calls; known before anything else is read."""
LazyCall = Annotated[Caller, Depends(SignedIn(in_passing=True))]
"""Who calls; known for certain once the first of their own rows is read or locked, and before any answer."""
