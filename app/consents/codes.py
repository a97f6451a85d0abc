"""Codes that a person types: of an invitation, of a proposed consent, or the share code of a clinic.

The code of an invitation or of a proposed consent works once. Only its HMAC is stored, by which it is looked up.
"""

import hashlib
import hmac
from typing import Final

from app import clock
from app.clinics.codes import normalize
from app.consents import statements
from app.db import Db, Row
from app.services import Services

_NO_CODE: Final = ""
"""Replaces a typed text that does not have the form of a code. No row has this code, so the text is a wrong code."""


def mac_of(services: Services, typed: str) -> bytes:
    """Return the HMAC of the code of an invitation or of a proposed consent, as a person typed it."""
    return hmac.digest(services.code_key, b"clinic code " + (normalize(typed) or _NO_CODE).encode(), hashlib.sha256)


async def find_invitation(db: Db, services: Services, typed: str) -> Row | None:
    """Return the open invitation with this code, and the name of its clinic.

    Return None if there is no such invitation, or its clinic has ended.
    """
    return await db.one(statements.INVITATION_OF_CODE, code_mac=mac_of(services, typed), now=clock.now())


async def find_clinic(db: Db, typed: str) -> Row | None:
    """Return the clinic with this share code; None if there is no such clinic, or the clinic has ended."""
    return await db.one(statements.CLINIC_OF_SHARE_CODE, share_code=normalize(typed) or _NO_CODE)
