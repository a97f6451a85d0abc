"""Turning the second factor of the caller's account on and off."""

from app.db import Row
from app.identity import audit, second_factor
from app.identity.accounts import public_account
from app.identity.audit import Event
from app.identity.buckets import of_client, of_device, of_second_factor
from app.identity.caller import Caller
from app.identity.confirming import password_confirmed
from app.identity.notices import notify
from app.identity.shapes import SecondFactorCode, SecondFactorDraft, SecondFactorRemoval
from app.identity.throttles import rate_limited
from app.problems import NotFound, WrongCredentials
from app.settings import Notice


async def set_up(caller: Caller, network: str, draft: SecondFactorDraft) -> Row:
    """Store a new secret for the second factor; return the secret and its URI for an authenticator app.

    Raise `WrongCredentials` if the password is wrong, and `SecondFactorOn` if the second factor is already on.
    """
    services = caller.services
    async with rate_limited(services, of_device(services, caller.device_id), of_client(services, network)):
        email = (await public_account(caller.db, caller.account_id))["email"]
        async with password_confirmed(caller, network, draft.password) as tx:
            return await second_factor.set_up(tx, services, caller.account_id, email)


async def confirm(caller: Caller, network: str, draft: SecondFactorCode) -> Row:
    """Turn the second factor on, and return its recovery codes.

    Also queue a notice to the owner, and record an audit event. Raise `WrongCredentials` if the code is wrong, or the
    second factor is already on or was not set up.
    """
    services = caller.services
    bucket = of_second_factor(services, caller.device_id)
    async with rate_limited(services, bucket, of_client(services, network)) as attempt:
        attempt.account_id = caller.account_id
        async with services.db.transaction() as tx:
            codes = await second_factor.confirm(tx, services, caller.account_id, draft.code)
            if codes is None:
                raise WrongCredentials
            await notify(tx, services, caller.account_id, Notice.SECOND_FACTOR_ON)
    services.jobs.wake()
    audit.record(services, Event.SECOND_FACTOR_ON, caller.account_id, network)
    return {"recovery_codes": codes}


async def turn_off(caller: Caller, network: str, draft: SecondFactorRemoval) -> None:
    """Turn the second factor off, queue a notice to the owner, and record an audit event.

    Raise `NotFound` if the second factor is not on, and `WrongCredentials` if the password or the code is wrong.
    """
    services = caller.services
    bucket = of_second_factor(services, caller.device_id)
    async with rate_limited(services, bucket, of_client(services, network)) as attempt:
        attempt.account_id = caller.account_id
        async with password_confirmed(caller, network, draft.password) as tx:
            if not (await second_factor.state(tx, caller.account_id))["enabled"]:
                raise NotFound
            if await second_factor.use_code(tx, services, caller.account_id, draft.code) is None:
                raise WrongCredentials
            await second_factor.turn_off(tx, caller.account_id)
            await notify(tx, services, caller.account_id, Notice.SECOND_FACTOR_OFF)
    services.jobs.wake()
    audit.record(services, Event.SECOND_FACTOR_OFF, caller.account_id, network)
