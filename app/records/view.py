"""A view: whose records a request is about, and who asks.

Every statement on records takes a view's `binds`: the owner, and values of the caller with which the same statement checks
that the caller is allowed to run it. `own_records` makes the view of an account's own records; another kind of reader needs
another such function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from app.db import Database, Statement
from app.http import PENDING_AUTH
from app.identity import Caller, SignedIn, identify
from app.problems import NotSignedIn, UnreadableRecord
from app.sealing import OwnerKeys


@dataclass(slots=True)
class View:
    """The records of one owner, as one caller may read and write them."""

    caller: Caller
    owner_id: UUID

    @property
    def db(self) -> Database:
        """The database."""
        return self.caller.db

    @property
    def timezone(self) -> str:
        """The owner's IANA time zone; known once the caller is authenticated."""
        return self.caller.timezone

    @property
    def binds(self) -> dict[str, UUID]:
        """The values that every statement on the owner's records takes."""
        return {"owner_id": self.owner_id, **self.caller.binds}

    async def data_keys(self) -> OwnerKeys:
        """Return the owner's data keys, which seal and open the records' documents."""
        try:
            return await self.caller.services.data_keys.of(self.owner_id)
        except UnreadableRecord:
            if not self.caller.is_internal and not await self.caller.is_signed_in():  # the account is being erased
                raise NotSignedIn from None
            raise

    async def fetch(self, statement: Statement, /, **values: object) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a statement with the condition `SIGNED_IN`, as tuples. A row proves that the caller is
        signed in.
        """
        rows = await self.db.tuples(statement, **self.binds, **values)
        if rows:
            self.caller.is_authenticated = True
        return rows


def feed_of(rows: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return the one row that a statement on an owner's feed returns; raise `NotSignedIn` if the account was erased."""
    if not rows:
        raise NotSignedIn
    return rows[0]


def own_records(caller: Caller) -> View:
    """Return the view of the caller's own records."""
    return View(caller, caller.account_id)


class _OwnRecords(SecurityBase):
    """A dependency that returns the view of the caller's own records. The first statement on them checks the sign-in."""

    def __init__(self) -> None:
        signed_in = SignedIn()
        self.scheme_name, self.model = signed_in.scheme_name, signed_in.model

    async def __call__(self, request: Request) -> View:
        caller = identify(request)
        request.scope[PENDING_AUTH] = caller.authenticate
        return own_records(caller)


OwnRecords = Annotated[View, Depends(_OwnRecords())]
"""The caller's own records. The caller is authenticated by the first statement on them, and before any answer."""
