"""The example bodies and responses of consents. The clinic, its share code and the consent are the demo's."""

from typing import Final

from app.openapi import Example

CLINIC_ID: Final = "019aa2c4-7b00-7000-8000-00000000c1c0"
CLINIC_NAME: Final = "Linden House"
SHARE_CODE: Final = "7XPM-2Q9R-KD4T"
CLIENT_ID: Final = "019aa2c4-7b00-7000-8000-00000000c11e"
CONSENT_ID: Final = "019aa2c4-7b00-7000-8000-00000000c052"
PATIENT_ID: Final = "5f6c2d0e-9a41-4c2b-8d73-0b1e64a7f915"
INVITATION_ID: Final = "019aa2c4-7b00-7000-8000-0000000017a7"
_MOMENT: Final = "2026-11-22T18:40:12.504118Z"
_LATER: Final = "2026-11-29T18:40:12.504118Z"
_SYSTEM: Final = "https://linden-house.example/patients"
CLINIC: Final[Example] = {"id": CLINIC_ID, "name": CLINIC_NAME}
IDENTIFIER: Final[Example] = {"system": _SYSTEM, "value": "P-1042"}
ASKS: Final[Example] = {"shares": ["elements", "intentions"], "receives": True, "purpose": "treatment"}
CODE_DRAFT: Final[Example] = {"code": SHARE_CODE}
CODE: Final[Example] = {"kind": "clinic", "clinic": CLINIC, "asks": None, "expires_at": None}
CONSENT_DRAFT: Final[Example] = {
    "code": "M4WK-81TZ-PQ6N",
    "shares": ["elements", "intentions"],
    "receives": True,
    "name": "Ilse",
}
CONSENT_PATCH: Final[Example] = {"shares": ["elements", "intentions"], "until": None}
CONSENT: Final[Example] = {
    "id": CONSENT_ID,
    "clinic": CLINIC,
    "status": "active",
    "shares": ["elements", "intentions"],
    "receives": True,
    "purpose": "treatment",
    "name": "Ilse",
    "until": None,
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
    "ended_at": None,
    "ended_by": None,
}
CONSENT_WITH_CODE: Final[Example] = {**CONSENT, "code": None}
INVITATION_DRAFT: Final[Example] = {"identifier": IDENTIFIER, "asks": ASKS, "days": 14}
INVITATION: Final[Example] = {
    "id": INVITATION_ID,
    "identifier": IDENTIFIER,
    "asks": ASKS,
    "expires_at": _LATER,
}
INVITATION_WITH_CODE: Final[Example] = {
    "id": INVITATION_ID,
    "code": "M4WK-81TZ-PQ6N",
    "identifier": IDENTIFIER,
    "asks": ASKS,
    "expires_at": _LATER,
}
CONNECTION_DRAFT: Final[Example] = {"code": "Q7VB-3N5H-XW2C", "identifier": IDENTIFIER}
CONNECTION_PATCH: Final[Example] = {"identifiers": [IDENTIFIER]}
CONNECTION: Final[Example] = {
    "id": PATIENT_ID,
    "identifiers": [IDENTIFIER],
    "status": "active",
    "shares": ["elements", "intentions"],
    "receives": True,
    "purpose": "treatment",
    "name": "Ilse",
    "until": None,
}
CLINIC_STATE: Final[Example] = {
    "clinic": CLINIC,
    "client_id": CLIENT_ID,
    "scopes": ["system/Patient.crus", "system/Procedure.crus", "system/Subscription.cruds"],
    "cursor": "0",
    "connections": 1,
    "sessions": 2,
    "limits": {"connections": 200, "identifiers": 10, "invitation_days": 30},
}
ACCESS: Final[Example] = {
    "at": _MOMENT,
    "clinic": CLINIC,
    "client_id": None,
    "action": "connect",
    "collection": "consents",
    "ids": [CONSENT_ID],
    "request_id": None,
}
