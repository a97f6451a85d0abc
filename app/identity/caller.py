"""The caller: who is behind an access token, asked of the database on every request.

The token only authenticates. Whether its device is still signed in, and which role the account has, is read each time,
so that an ending is in force for the next request on every worker.
"""

from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from app.db import Database, Statement, given
from app.identity.site import Site, the_site
from app.identity.tables import AccountRecord, DeviceRecord
from app.problems import NotSignedIn

_account = AccountRecord.table()
_device = DeviceRecord.table()
_ALIVE: Final = Statement(
    sa.select(_account.c.role, _account.c.timezone)
    .join_from(_device, _account, _device.c.account_id == _account.c.id)
    .where(
        _device.c.id == given(_device.c.id, "device_id"),
        _device.c.account_id == given(_device.c.account_id),
        _device.c.ended_at.is_(None),
        _account.c.closed_at.is_(None),
    )
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person on one of their devices."""

    site: Site
    account_id: UUID
    device_id: UUID
    role: str
    timezone: str

    @property
    def db(self) -> Database:
        """The database."""
        return self.site.db

    @property
    def cursor_key(self) -> bytes:
        """What cursors are made unforgeable with."""
        return self.site.cursor_key

    async def is_signed_in(self) -> bool:
        """Ask again, for a request that goes on."""
        return await self.db.one(_ALIVE, device_id=self.device_id, account_id=self.account_id) is not None


class SignedIn(SecurityBase):
    """Finds the caller, or refuses; and tells the document how callers are known."""

    def __init__(self) -> None:
        """Say which scheme it is."""
        self.scheme_name = "AccessToken"
        self.model = HTTPBearer(
            bearerFormat="JWT",
            description="The `access_token` that signing in or refreshing answered with. It lives ten minutes.",
        )

    async def __call__(self, request: Request) -> Caller:
        """Return the caller behind the one Authorization header."""
        site = await the_site(request)
        claims = site.tokens.verify(_bearer(request))
        alive = await site.db.one(_ALIVE, device_id=claims.device_id, account_id=claims.account_id)
        if alive is None:
            raise NotSignedIn
        request.scope["account_id"] = claims.account_id
        return Caller(site, claims.account_id, claims.device_id, alive["role"], alive["timezone"])


def _bearer(request: Request) -> str:
    given_ = request.headers.getlist("authorization")
    scheme, _, token = given_[0].partition(" ") if len(given_) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        raise NotSignedIn
    return token


Call = Annotated[Caller, Depends(SignedIn())]
