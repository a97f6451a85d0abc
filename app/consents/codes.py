"""Codes of invitations and proposals: stored as HMACs, found by them, and valid once."""

import hashlib
import hmac
from typing import Final

from app import clock
from app.clinics.codes import normalize
from app.consents import statements
from app.db import Db, Row
from app.services import Services

_NO_CODE: Final = ""
"""Stands for a text that is no code. It has an HMAC as any other, so that it is refused in the same way."""


def mac_of(services: Services, typed: str) -> bytes:
    """Return the HMAC of a code as it was typed."""
    return hmac.digest(services.code_key, b"clinic code " + (normalize(typed) or _NO_CODE).encode(), hashlib.sha256)


async def open_invitation(db: Db, services: Services, typed: str) -> Row | None:
    """Return the open invitation with a code, with the name of its clinic, or None."""
    return await db.one(statements.INVITATION_OF_CODE, code_mac=mac_of(services, typed), now=clock.now())


async def clinic_with(db: Db, typed: str) -> Row | None:
    """Return the clinic with a share code, if it has not ended, or None."""
    return await db.one(statements.CLINIC_OF_SHARE_CODE, share_code=normalize(typed) or _NO_CODE)
