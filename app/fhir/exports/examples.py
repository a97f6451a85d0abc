"""Example bodies of the operations on bulk exports."""

from typing import Final

from app.consents.examples import PATIENT_ID
from app.fhir.examples import BASE
from app.openapi import Json

EXPORT_ID: Final = "019aa2c4-7b00-7000-8000-0000000000e8"
LOCATION: Final = f"{BASE}/export/{EXPORT_ID}"
FILE: Final[Json] = {"type": "Procedure", "url": f"{BASE}/export/Procedure/{EXPORT_ID}"}
MANIFEST: Final[Json] = {
    "transactionTime": "2026-11-22T18:39:12.504118Z",
    "request": f"{BASE}/$export?_type=Procedure",
    "requiresAccessToken": True,
    "output": [FILE],
    "deleted": [],
    "error": [],
    "outcome": [],
}
PARAMETERS: Final[Json] = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "_type", "valueString": "Procedure"},
        {"name": "patient", "valueReference": {"reference": f"Patient/{PATIENT_ID}"}},
    ],
}
LINES: Final = '{"resourceType":"Procedure", …}\n{"resourceType":"Procedure", …}\n'
DELETIONS: Final = '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE", …}}]}\n'
EXPIRES: Final = "Mon, 23 Nov 2026 18:40:12 GMT"
