"""Confirming a change with the caller's password."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.db import Transaction
from app.identity.accounts import LOCK_UNCHANGED, PASSWORD
from app.identity.caller import Caller
from app.problems import WrongCredentials


@asynccontextmanager
async def password_confirmed(caller: Caller, network: str, password: str) -> AsyncIterator[Transaction]:
    """Check the caller's password, then execute the block in a transaction in which the caller's account is locked.

    `network` is the network of the request, by which computations of password hashes are queued. Raise
    `WrongCredentials`, without executing the block, if the password is wrong, or if the password was changed or the
    account was closed during the check.
    """
    services = caller.services
    stored = await services.db.one(PASSWORD, id=caller.account_id)
    password_hash = None if stored is None else stored["password_hash"]
    right = await services.passwords.verify(password, password_hash, network)
    async with services.db.transaction() as tx:
        still = await tx.one(LOCK_UNCHANGED, id=caller.account_id, password_hash=password_hash)
        if not right or still is None:
            raise WrongCredentials
        yield tx
