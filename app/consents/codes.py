"""Codes of invitations and proposals. Only their HMACs are stored, and codes are found by them. A code works once."""

import hashlib
import hmac
from typing import Final

from app import clock
from app.clinics.codes import normalize
from app.consents import statements
from app.db import Db, Row
from app.services import Services

_NO_CODE: Final = ""
"""Replaces a text that does not have the form of a code. It matches no row, so the text counts as a wrong code."""


def mac_of(services: Services, typed: str) -> bytes:
    """Return the HMAC of a code that a person typed."""
    return hmac.digest(services.code_key, b"clinic code " + (normalize(typed) or _NO_CODE).encode(), hashlib.sha256)


async def open_invitation(db: Db, services: Services, typed: str) -> Row | None:
    """Return the open invitation with a code, and the name of its clinic; None if there is no such invitation."""
    return await db.one(statements.INVITATION_OF_CODE, code_mac=mac_of(services, typed), now=clock.now())


async def clinic_with(db: Db, typed: str) -> Row | None:
    """Return the clinic with a share code; None if there is no such clinic, or it has ended."""
    return await db.one(statements.CLINIC_OF_SHARE_CODE, share_code=normalize(typed) or _NO_CODE)
