"""The examples of views in the OpenAPI document: a request and responses of the demo's person."""

from typing import Any, Final

from app.openapi import removable_id
from app.records.shapes import STORED_EXAMPLE
from app.resources.action_items import ACTION_ITEMS
from app.resources.elements import ELEMENTS
from app.resources.intentions import INTENTIONS
from app.resources.reflections import REFLECTIONS
from app.resources.sessions import SESSIONS
from app.sync.examples import RECORD

Example = dict[str, Any]
_SESSION_ID, _ELEMENT_ID, _INTENTION_ID, _REFLECTION_ID, _ITEM_ID = (
    kind.example["id"] for kind in (SESSIONS, ELEMENTS, INTENTIONS, REFLECTIONS, ACTION_ITEMS)
)
_NONE: Final[Example] = {"count": 0, "items": []}

TIMELINE: Final[Example] = {
    "items": [
        {"happened_at": RECORD["occurred_at"], "collection": "reflections", "id": RECORD["id"], "record": RECORD}
    ],
    "next_cursor": None,
}
INBOX: Final[Example] = {
    "elements_without_meaning": {
        "count": 1,
        "items": [
            {
                "id": removable_id(ELEMENTS.example["id"]),
                "title": "Rain, and being allowed to lie still",
                "session_id": _SESSION_ID,
                "created_at": STORED_EXAMPLE["created_at"],
            }
        ],
    },
    "meanings_without_change": _NONE,
    "session_intentions_left": _NONE,
    "proposals": _NONE,
}
CHAIN: Final[Example] = {
    "collection": "reflections",
    "id": _REFLECTION_ID,
    "nodes": [
        {
            "collection": collection,
            "id": id,
            "label": label,
            "happened_at": STORED_EXAMPLE["created_at"],
            "status": status,
        }
        for collection, id, label, status in (
            ("sessions", _SESSION_ID, "Second session", "completed"),
            ("elements", _ELEMENT_ID, "A sadness much older than this year", "understood"),
            ("reflections", _REFLECTION_ID, "The house", None),
            ("action-items", _ITEM_ID, "Ask him about the year we sold the house", "accepted"),
        )
    ],
    "edges": [
        {"from": source, "to": target, "field": field}
        for source, target, field in (
            (_ELEMENT_ID, _SESSION_ID, "session_id"),
            (_REFLECTION_ID, _ELEMENT_ID, "element_id"),
            (_REFLECTION_ID, _SESSION_ID, "session_id"),
            (_ITEM_ID, _ELEMENT_ID, "element_id"),
            (_ITEM_ID, _REFLECTION_ID, "reflection_id"),
            (_ITEM_ID, _SESSION_ID, "session_id"),
        )
    ],
    "truncated": False,
}
SEARCH: Final[Example] = {"q": "envelope silence"}
MATCHES: Final[Example] = {
    "items": [
        {
            "collection": "intentions",
            "id": _INTENTION_ID,
            "version": STORED_EXAMPLE["version"],
            "field": "statement",
            "snippet": "…silent on the phone, I remember the envelope, and I do not fill the silence for him.",
            "happened_at": STORED_EXAMPLE["created_at"],
        }
    ],
    "next_cursor": None,
    "scanned": 94,
}
