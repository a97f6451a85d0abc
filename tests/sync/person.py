"""What a person does with an app, at random: writes, changes, and decides what waits for them."""

from random import Random
from typing import Final

from tests.sync.ledger import WatchedDevice, texts
from tests.sync.notebook import Json, Key

TEXTS: Final = {
    "sessions": ("title", "notes"),
    "elements": ("title", "description"),
    "intentions": ("statement", "why"),
    "reflections": ("body", "title"),
    "action-items": ("title", "details"),
}
"""Two fields of words of each kind; the first is required."""
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


def visible(device: WatchedDevice, collection: str | None = None) -> list[Key]:
    """Return the records that the person sees."""
    return [key for key in device.store if collection in {None, key[0]} and device.get(key) is not None]


def writes(device: WatchedDevice, rng: Random) -> None:
    """Write a new record, mostly about another."""
    collection = rng.choice([name for name in TEXTS if name != "elements" or visible(device, "sessions")])
    title, words = TEXTS[collection]
    fields = {title: device.ledger.text(), words: device.ledger.text()} | CREATED.get(collection, {})
    device.create(collection, fields | _reference(device, collection, rng, required=collection == "elements"))


def changes(device: WatchedDevice, rng: Random) -> None:
    """Change a record: its words, and perhaps something else."""
    key = rng.choice(visible(device))
    fields = {name: device.ledger.text() for name in rng.sample(TEXTS[key[0]], rng.choice([1, 1, 2]))}
    if rng.random() < 0.3 and key[0] in STATUSES:
        fields |= {"status": rng.choice(STATUSES[key[0]])}
        fields |= {"started_at": START} if key[0] == "sessions" else {}
    if rng.random() < 0.3:
        fields |= _reference(device, key[0], rng, required=False)
    device.change(key, fields)


def acts(device: WatchedDevice, rng: Random) -> None:
    """Do one thing or another."""
    deed = rng.random()
    found = visible(device)
    if device.waiting and deed < 0.3:
        decides(device, rng.choice([*device.waiting]), rng)
    elif not found or deed < 0.45:
        writes(device, rng)
    elif deed < 0.8:
        changes(device, rng)
    else:
        device.remove(rng.choice(found))


def _reference(device: WatchedDevice, collection: str, rng: Random, *, required: bool) -> Json:
    field, target = rng.choice([*REFERENCES.get(collection, {"": ""}).items()])
    found = visible(device, target) if field and (required or rng.random() < 0.6) else []
    return {field: rng.choice(found)[1]} if found else {}


def decides(device: WatchedDevice, key: Key, rng: Random, *, patient: bool = True) -> None:
    """Decide one thing that waits: for one's own, for the server's, or for both; without patience for the server's."""
    result, entry = device.waiting[key], device.store[key]
    own, theirs = (entry.edit or {}).get("set", {}), result["record"]
    if result["outcome"] == "rejected":
        mended = _mended(device, key, result, rng)
        device.resolve(key, mine=patient and mended is not None, merged=mended)
    elif theirs is None:
        alone = key[0] == "elements" and own.get("session_id", (device.get(key) or {}).get("session_id"))
        sessions = visible(device, "sessions")
        lost = alone and alone not in {id for _, id in sessions}
        moved = {"session_id": rng.choice(sessions)[1]} if lost and sessions else {}
        keeps = patient and rng.random() < 0.5 and (not lost or bool(moved))
        device.resolve(key, mine=keeps, merged=moved)
    else:
        both = {name: device.ledger.text() for name in result["fields"] if texts({name: own.get(name)})}
        choice = rng.choice(["mine", "theirs", "both"]) if patient else "theirs"
        device.resolve(key, mine=choice != "theirs", merged=both if choice == "both" else None)


def _mended(device: WatchedDevice, key: Key, result: Json, rng: Random) -> Json | None:
    """Return what makes a rejected operation acceptable; None where the person gives it up."""
    error, theirs = result["error"], result["record"]
    fields = [each["pointer"][1:] for each in error.get("errors", ())]
    if error["code"] in {"parent-missing", "derivation-cycle"} and key[0] != "elements":
        return dict.fromkeys(fields)
    if error["code"] == "parent-missing":
        sessions = visible(device, "sessions")
        return {"session_id": rng.choice(sessions)[1]} if sessions else None
    assert error["code"] in {"invalid-transition", "validation"}, error
    return theirs and {name: theirs[name] for name in ("status", "started_at", "completed_at") if name in theirs}
