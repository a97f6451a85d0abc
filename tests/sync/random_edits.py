"""Random actions of a person in an app: create, change and remove records, and resolve conflicts."""

from random import Random
from typing import Final

from tests.sync.local_store import Json, Key
from tests.sync.text_tracker import TrackedDevice, texts

TEXTS: Final = {
    "sessions": ("title", "notes"),
    "elements": ("title", "description"),
    "intentions": ("statement", "why"),
    "reflections": ("body", "title"),
    "action-items": ("title", "details"),
}
"""Two text fields of each kind; the first is required."""
REFERENCES: Final = {
    "elements": {"session_id": "sessions"},
    "intentions": {"session_id": "sessions", "element_id": "elements", "derived_from_id": "intentions"},
    "reflections": {"session_id": "sessions", "element_id": "elements", "intention_id": "intentions"},
    "action-items": {"session_id": "sessions", "intention_id": "intentions", "reflection_id": "reflections"},
}
CREATED: Final[dict[str, Json]] = {
    "elements": {"kind": "memory"},
    "intentions": {"kind": "integration"},
    "action-items": {"change": "internal", "facet": "thought"},
}
STATUSES: Final = {
    "sessions": ["in-progress", "completed", "planned"],
    "intentions": ["active", "on-hold", "completed"],
    "action-items": ["accepted", "in-progress", "on-hold", "completed"],
}
START: Final = "2026-11-20T09:30:00Z"


def visible(device: TrackedDevice, collection: str | None = None) -> list[Key]:
    """Return the records that the person sees."""
    return [key for key in device.store if collection in {None, key[0]} and device.get(key) is not None]


def create(device: TrackedDevice, rng: Random) -> None:
    """Create a record, usually with a reference to another."""
    collection = rng.choice([name for name in TEXTS if name != "elements" or visible(device, "sessions")])
    title, words = TEXTS[collection]
    fields = {title: device.tracker.new_text(), words: device.tracker.new_text()} | CREATED.get(collection, {})
    device.create(collection, fields | _reference(device, collection, rng, required=collection == "elements"))


def change(device: TrackedDevice, rng: Random) -> None:
    """Change texts of a record, and sometimes its status or a reference."""
    key = rng.choice(visible(device))
    fields = {name: device.tracker.new_text() for name in rng.sample(TEXTS[key[0]], rng.choice([1, 1, 2]))}
    if rng.random() < 0.3 and key[0] in STATUSES:
        fields |= {"status": rng.choice(STATUSES[key[0]])}
        fields |= {"started_at": START} if key[0] == "sessions" else {}
    if rng.random() < 0.3:
        fields |= _reference(device, key[0], rng, required=False)
    device.change(key, fields)


def act(device: TrackedDevice, rng: Random) -> None:
    """Create, change or remove a record, or resolve a conflict."""
    choice = rng.random()
    found = visible(device)
    if device.unresolved and choice < 0.3:
        resolve(device, rng.choice([*device.unresolved]), rng)
    elif not found or choice < 0.45:
        create(device, rng)
    elif choice < 0.8:
        change(device, rng)
    else:
        device.remove(rng.choice(found))


def _reference(device: TrackedDevice, collection: str, rng: Random, *, required: bool) -> Json:
    field, target = rng.choice([*REFERENCES.get(collection, {"": ""}).items()])
    found = visible(device, target) if field and (required or rng.random() < 0.6) else []
    return {field: rng.choice(found)[1]} if found else {}


def resolve(device: TrackedDevice, key: Key, rng: Random, *, may_keep: bool = True) -> None:
    """Resolve a conflict: keep the device's edits, the server's state or both; without `may_keep`, the server's state."""
    result, entry = device.unresolved[key], device.store[key]
    own, theirs = (entry.edit or {}).get("set", {}), result["record"]
    if result["outcome"] == "rejected":
        corrected = _corrected(device, key, result, rng)
        device.resolve(key, mine=may_keep and corrected is not None, merged=corrected)
    elif theirs is None:
        alone = key[0] == "elements" and own.get("session_id", (device.get(key) or {}).get("session_id"))
        sessions = visible(device, "sessions")
        lost = alone and alone not in {id for _, id in sessions}
        moved = {"session_id": rng.choice(sessions)[1]} if lost and sessions else {}
        keeps = may_keep and rng.random() < 0.5 and (not lost or bool(moved))
        device.resolve(key, mine=keeps, merged=moved)
    else:
        both = {name: device.tracker.new_text() for name in result["fields"] if texts({name: own.get(name)})}
        choice = rng.choice(["mine", "theirs", "both"]) if may_keep else "theirs"
        device.resolve(key, mine=choice != "theirs", merged=both if choice == "both" else None)


def _corrected(device: TrackedDevice, key: Key, result: Json, rng: Random) -> Json | None:
    """Return the changes that make a rejected operation acceptable, or None if the person gives it up."""
    error, theirs = result["error"], result["record"]
    fields = [each["pointer"][1:] for each in error.get("errors", ())]
    if error["code"] in {"parent-missing", "derivation-cycle"} and key[0] != "elements":
        return dict.fromkeys(fields)
    if error["code"] == "parent-missing":
        sessions = visible(device, "sessions")
        return {"session_id": rng.choice(sessions)[1]} if sessions else None
    assert error["code"] in {"invalid-transition", "validation"}, error
    return theirs and {name: theirs[name] for name in ("status", "started_at", "completed_at") if name in theirs}
