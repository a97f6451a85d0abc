"""A view: the owner whose records a request reads or writes, and the caller who sends the request.

A view's `binds` are the bind parameters of the statements on records: the owner's id, and the ids of the caller's
account and device. With these two, a statement also checks that the caller is signed in. `own_records` returns the view
of the caller's own records; no route of a person uses another view.
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
        """The owner's IANA time zone; empty until the caller is authenticated."""
        return self.caller.timezone

    @property
    def binds(self) -> dict[str, UUID]:
        """The bind values of every statement on the owner's records."""
        return {"owner_id": self.owner_id, **self.caller.binds}

    async def data_keys(self) -> OwnerKeys:
        """Return the owner's data keys, which seal and open the records' documents.

        Raise `NotSignedIn` if they cannot be read because the account is being erased.
        """
        try:
            return await self.caller.services.data_keys.of(self.owner_id)
        except UnreadableRecord:
            if not self.caller.is_internal and not await self.caller.is_signed_in():  # the account is being erased
                raise NotSignedIn from None
            raise

    async def fetch(self, statement: Statement, /, **values: object) -> Sequence[tuple[Any, ...]]:
        """Run a statement that contains the condition `SIGNED_IN`, and return its rows as tuples.

        If there is a row, the caller counts as authenticated: the row proves that the caller is signed in.
        """
        rows = await self.db.tuples(statement, **self.binds, **values)
        if rows:
            self.caller.is_authenticated = True
        return rows


def feed_of(rows: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return the only one of the rows that a statement on an owner's feed returned.

    Raise `NotSignedIn` if there is no row, because the account was erased.
    """
    if not rows:
        raise NotSignedIn
    return rows[0]


def own_records(caller: Caller) -> View:
    """Return the view of the caller's own records."""
    return View(caller, caller.account_id)


class _OwnRecords(SecurityBase):
    """A FastAPI dependency that verifies the access token and returns the view of the caller's own records.

    The first statement on the records checks that the caller is signed in.
    """

    def __init__(self) -> None:
        signed_in = SignedIn()
        self.scheme_name, self.model = signed_in.scheme_name, signed_in.model

    async def __call__(self, request: Request) -> View:
        caller = identify(request)
        request.scope[PENDING_AUTH] = caller.authenticate
        return own_records(caller)


OwnRecords = Annotated[View, Depends(_OwnRecords())]
"""A parameter of a route: the view of the caller's own records.

The first statement on the records also checks that the caller is signed in. If no statement of the route has done so,
the check runs before the response is sent.
"""
