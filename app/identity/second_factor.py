"""The second factor of an account: time-based one-time passwords (TOTP, RFC 6238), and recovery codes.

The secret is stored encrypted with a key that is derived from the keyring's secret. A code is accepted during its own
period of 30 seconds, the period before and the period after, unless a code of the same or a later period was used.
A recovery code has 50 random bits, is stored as an HMAC, and works once.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final, NamedTuple
from uuid import UUID

import pyotp
import sqlalchemy as sa

from app import clock
from app.db import Db, Row, Statement, Transaction, bind
from app.identity.codes import encode_code, typed_code
from app.identity.tables import RecoveryCode, SecondFactor
from app.problems import SecondFactorOn
from app.sealing import Cipher
from app.services import Services
from app.settings import Settings

ISSUER: Final = "Afterglow"
STEP_SECONDS: Final = 30
DRIFT_STEPS: Final = 1
"""The number of 30-second periods by which the clock of the authenticator app may be ahead or behind."""
SECRET_BYTES: Final = 20
MAX_RECOVERY_CODES: Final = 10
_DIGITS: Final = 6
TOTP: Final = "totp"
RECOVERY_CODE: Final = "recovery-code"
_factor, _recovery = SecondFactor.table(), RecoveryCode.table()
_this: Final = _factor.c.account_id == bind(_factor.c.account_id)
_of_account: Final = _recovery.c.account_id == bind(_recovery.c.account_id)
_SET_UP: Final = Statement(
    sa.text(
        "INSERT INTO second_factor (account_id, secret, created_at, confirmed_at, last_step)"
        " VALUES (:account_id, :secret, :now, NULL, 0) ON CONFLICT (account_id) DO UPDATE SET"
        " secret = excluded.secret, created_at = excluded.created_at WHERE second_factor.confirmed_at IS NULL"
        " RETURNING account_id"
    )
    .bindparams(bind(_factor.c.account_id), bind(_factor.c.secret), bind(_factor.c.created_at, "now"))
    .columns(_factor.c.account_id)
)
"""Stores a new secret, unless the second factor is on. Returns a row if the secret was stored."""
_FIND: Final = Statement(sa.select(_factor).where(_this))
_CONFIRM: Final = Statement(
    sa.update(_factor)
    .where(_this, _factor.c.confirmed_at.is_(None), _factor.c.last_step < bind(_factor.c.last_step, "step"))
    .values(confirmed_at=bind(_factor.c.confirmed_at, "now"), last_step=bind(_factor.c.last_step, "step"))
    .returning(_factor.c.account_id)
)
_USE_STEP: Final = Statement(
    sa.update(_factor)
    .where(_this, _factor.c.confirmed_at.is_not(None), _factor.c.last_step < bind(_factor.c.last_step, "step"))
    .values(last_step=bind(_factor.c.last_step, "step"))
    .returning(_factor.c.account_id)
)
"""Marks a period as used, unless a code of the same or a later period was used. Returns a row if it was marked."""
_DELETE: Final = Statement(
    sa.delete(_factor).where(_this, _factor.c.confirmed_at.is_not(None)).returning(_factor.c.account_id)
)
_COUNT_RECOVERY: Final = Statement(sa.select(sa.func.count().label("codes")).select_from(_recovery).where(_of_account))
_ADD_RECOVERY: Final = Statement(sa.insert(_recovery).values({column.name: bind(column) for column in _recovery.c}))
_USE_RECOVERY: Final = Statement(
    sa.delete(_recovery)
    .where(_of_account, _recovery.c.code_mac == bind(_recovery.c.code_mac))
    .returning(_recovery.c.account_id)
)
_DELETE_RECOVERY: Final = Statement(sa.delete(_recovery).where(_of_account))


class Needed(NamedTuple):
    """What a sign-in needs after the password.

    `code` is true if it needs a code. `setup` is true if the account must set up its second factor first.
    """

    code: bool
    setup: bool


def needed(settings: Settings, account: Row) -> Needed:
    """Return whether a sign-in to an account needs a code, and whether its second factor must be set up first.

    `account` has the members `role` and `second_factor_at`, which is None if the second factor is off.
    """
    is_on = account["second_factor_at"] is not None
    is_required = account["role"] in settings.second_factor_roles
    return Needed(is_on or is_required, is_required and not is_on)


async def state(db: Db, account_id: UUID) -> Row:
    """Return the members of `SecondFactorState`.

    `enabled_at` is None if the second factor is off. `recovery_codes` is the number of unused recovery codes.
    """
    row = await db.one(_FIND, account_id=account_id)
    enabled_at = None if row is None else row["confirmed_at"]
    left = (await db.only(_COUNT_RECOVERY, account_id=account_id))["codes"]
    return {"enabled": enabled_at is not None, "enabled_at": enabled_at, "recovery_codes": left}


async def set_up(tx: Transaction, services: Services, account_id: UUID, email: str) -> Row:
    """Store a new secret; return the secret and its URI for an authenticator app.

    The second factor stays off until `confirm` is called with a code. Raise `SecondFactorOn` if the second factor is
    already on.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    sealed = Cipher(services.second_factor_key).encrypt(secret, account_id.bytes)
    if await tx.one(_SET_UP, account_id=account_id, secret=sealed, now=clock.now()) is None:
        raise SecondFactorOn
    totp = _totp(secret)
    return {"secret": totp.secret, "uri": totp.provisioning_uri(name=email, issuer_name=ISSUER)}


async def confirm(tx: Transaction, services: Services, account_id: UUID, code: str) -> list[str] | None:
    """Turn the second factor on if the code is right; return its new recovery codes.

    Return None if the code is wrong, or the second factor is already on or was not set up.
    """
    step = await _step_of(tx, services, account_id, code)
    if step is None or await tx.one(_CONFIRM, account_id=account_id, step=step, now=clock.now()) is None:
        return None
    codes = [_with_hyphen(encode_code(secrets.token_bytes(8))) for _ in range(MAX_RECOVERY_CODES)]
    rows = [{"account_id": account_id, "code_mac": _mac(services, account_id, typed_code(code))} for code in codes]
    await tx.run(_DELETE_RECOVERY, account_id=account_id)
    await tx.many(_ADD_RECOVERY, rows)
    return codes


async def use_code(tx: Transaction, services: Services, account_id: UUID, code: str) -> str | None:
    """Check a code of the authenticator app, or a recovery code, and mark the code as used.

    Return the kind of the code (`totp` or `recovery-code`); return None if the code is wrong or was used before.
    """
    if len(code) == _DIGITS and code.isdecimal():
        step = await _step_of(tx, services, account_id, code)
        used = None if step is None else await tx.one(_USE_STEP, account_id=account_id, step=step)
        return None if used is None else TOTP
    mac = _mac(services, account_id, typed_code(code))
    return None if await tx.one(_USE_RECOVERY, account_id=account_id, code_mac=mac) is None else RECOVERY_CODE


async def turn_off(tx: Transaction, account_id: UUID) -> bool:
    """Delete the second factor and its recovery codes; return whether the second factor was on."""
    await tx.run(_DELETE_RECOVERY, account_id=account_id)
    return await tx.one(_DELETE, account_id=account_id) is not None


async def _step_of(tx: Transaction, services: Services, account_id: UUID, code: str) -> int | None:
    """Return the 30-second period of an authenticator app's code; None if the code is not valid now."""
    row = await tx.one(_FIND, account_id=account_id)
    if row is None:
        return None
    totp = _totp(Cipher(services.second_factor_key).decrypt(row["secret"], account_id.bytes))
    now = int(clock.now().timestamp()) // STEP_SECONDS
    matching = [
        step
        for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
        if hmac.compare_digest(totp.generate_otp(step), code)
    ]
    return matching[-1] if matching else None


def _with_hyphen(code: str) -> str:
    middle = len(code) // 2
    return f"{code[:middle]}-{code[middle:]}"


def _totp(secret: bytes) -> pyotp.TOTP:
    return pyotp.TOTP(base64.b32encode(secret).decode(), digits=_DIGITS, interval=STEP_SECONDS)


def _mac(services: Services, account_id: UUID, code: str) -> bytes:
    return hmac.digest(services.code_key, b"recovery" + account_id.bytes + code.encode(), hashlib.sha256)
