"""The examples of sync in the documentation: a reflection that a phone wrote on the way home, pushed and pulled."""

from typing import Any, Final

from app.records.shapes import STORED_EXAMPLE
from app.resources import RESOURCES

Example = dict[str, Any]
ID: Final = "019aa2c4-7b00-7000-8000-000000000006"
OP_ID: Final = "019aa2c4-7b00-7000-8000-0000000000a6"
_WRITTEN: Final[Example] = {
    "body": "On the tram home. I looked at everybody's hands, and they were all holding something.",
    "occurred_at": "2026-11-22T18:31:00.000000Z",
    "timezone": "Europe/Berlin",
    "mood": 7,
    "emotions": ["quiet"],
}
RECORD: Final[Example] = {
    "id": ID,
    **STORED_EXAMPLE,
    "visibility": "private",
    "body": _WRITTEN["body"],
    "title": None,
    "occurred_at": _WRITTEN["occurred_at"],
    "timezone": "Europe/Berlin",
    "session_id": None,
    "element_id": None,
    "intention_id": None,
    "prompt": None,
    "capture": "typed",
    "mood": 7,
    "emotions": ["quiet"],
    "domains": [],
}
_VERSION: Final = STORED_EXAMPLE["version"]

OP: Final[Example] = {"op": "upsert", "collection": "reflections", "id": ID, "set": _WRITTEN, "op_id": OP_ID}
PUSH: Final[Example] = {"atomic": False, "on_conflict": "reject", "return": "representation", "ops": [OP]}
RESULTS: Final[Example] = {
    "head": _VERSION,
    "results": [
        {
            "collection": "reflections",
            "id": ID,
            "op_id": OP_ID,
            "outcome": "applied",
            "status": 201,
            "version": _VERSION,
            "record": RECORD,
            "record_omitted": False,
            "updated_at": None,
            "reason": None,
            "fields": [],
            "error": None,
            "warnings": [],
            "replayed": False,
        }
    ],
}
CHANGES: Final[Example] = {
    "changes": [
        {"collection": "reflections", "id": ID, "version": _VERSION, "deleted": False, "record": RECORD},
    ],
    "cursor": str(_VERSION),
    "has_more": False,
}
STATE: Final[Example] = {
    "cursor": str(_VERSION),
    "collections": {resource.collection: [*resource.field_names] for resource in RESOURCES},
    "limits": {"max_ops": 500, "max_bytes": 2 * 2**20, "max_page": 1000},
}
EVENTS: Final = f'id: {_VERSION}\nevent: head\ndata: {{"cursor":"{_VERSION}"}}\n\n'
