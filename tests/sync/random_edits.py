"""Random actions of a person in an app: create, change and remove records, and resolve conflicts."""

from random import Random
from typing import Final

from tests.sync.local_store import PARENTS, Json, Key
from tests.sync.text_tracker import TrackedDevice, texts

TEXTS: Final = {
    "sessions": ("title", "notes"),
    "elements": ("title", "description"),
    "intentions": ("statement", "why"),
    "reflections": ("body", "title"),
    "action-items": ("title", "details"),
    "practices": ("title", "details"),
    "practice-entries": ("note",),
    "check-ins": ("note",),
    "assessments": (),
    "outcomes": ("note", "level_text"),
}
"""Text fields of each kind that has any; a new record has all of them."""
REFERENCES: Final = {
    "elements": {"session_id": "sessions"},
    "intentions": {"session_id": "sessions", "element_id": "elements", "derived_from_id": "intentions"},
    "reflections": {"session_id": "sessions", "element_id": "elements", "intention_id": "intentions"},
    "action-items": {"session_id": "sessions", "intention_id": "intentions", "reflection_id": "reflections"},
    "practices": {"intention_id": "intentions", "action_item_id": "action-items"},
    "practice-entries": {"practice_id": "practices"},
    "check-ins": {"session_id": "sessions"},
    "outcomes": {"intention_id": "intentions", "action_item_id": "action-items", "practice_id": "practices"},
    "assessments": {"session_id": "sessions"},
}
NEEDS_A_REFERENCE: Final = {*PARENTS, "outcomes"}
CREATED: Final[dict[str, Json]] = {
    "elements": {"kind": "memory"},
    "intentions": {"kind": "integration"},
    "action-items": {"change": "internal", "facet": "thought"},
    "practices": {"schedule": [{"from_on": "2026-11-02", "rule": "FREQ=DAILY", "times_per_week": None}]},
    "practice-entries": {"day": "2026-11-20"},
    "outcomes": {"day": "2026-11-22"},
    "assessments": {"instrument": "phq-9", "instrument_version": "1", "status": "in-progress", "answers": [None] * 10},
}
STATUSES: Final = {
    "sessions": ["in-progress", "completed", "planned"],
    "intentions": ["active", "on-hold", "completed"],
    "action-items": ["accepted", "in-progress", "on-hold", "completed"],
    "assessments": ["in-progress", "completed"],
}
START: Final = "2026-11-20T09:30:00Z"


def visible(device: TrackedDevice, collection: str | None = None) -> list[Key]:
    """Return the records that the person sees."""
    return [key for key in device.store if collection in {None, key[0]} and device.get(key) is not None]


def create(device: TrackedDevice, rng: Random) -> None:
    """Create a record, usually with a reference to another."""
    possible = [name for name in TEXTS if name not in NEEDS_A_REFERENCE or _targets(device, name)]
    collection = rng.choice(possible)
    fields = {name: device.tracker.new_text() for name in TEXTS[collection]} | CREATED.get(collection, {})
    device.create(collection, fields | _reference(device, collection, rng, required=collection in NEEDS_A_REFERENCE))


def change(device: TrackedDevice, rng: Random) -> None:
    """Change texts or answers of a record, and sometimes its status or a reference."""
    key = rng.choice(visible(device))
    names = TEXTS[key[0]]
    some = min(len(names), rng.choice([1, 1, len(names)]))
    fields: Json = {name: device.tracker.new_text() for name in rng.sample(names, some)}
    if key[0] == "assessments":
        fields["answers"] = [rng.choice([0, 1, 2, 3, None]) for _ in range(10)]
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
    targets = _targets(device, collection)
    if not targets or not (required or rng.random() < 0.6):
        return {}
    field, found = rng.choice([*targets.items()])
    return {field: rng.choice(found)[1]}


def _targets(device: TrackedDevice, collection: str) -> dict[str, list[Key]]:
    """Return the records that each reference of a kind can refer to, for references that have any."""
    references = REFERENCES.get(collection, {})
    return {field: found for field, target in references.items() if (found := visible(device, target))}


def resolve(device: TrackedDevice, key: Key, rng: Random, *, may_keep: bool = True) -> None:
    """Resolve a conflict: keep the device's edits, the server's state or both; without `may_keep`, the server's state."""
    result, entry = device.unresolved[key], device.store[key]
    own, theirs = (entry.edit or {}).get("set", {}), result["record"]
    if result["outcome"] == "rejected":
        corrected = _corrected(device, key, result, rng)
        device.resolve(key, mine=may_keep and corrected is not None, merged=corrected)
    elif theirs is None:
        field, collection = PARENTS.get(key[0], ("", ""))
        parents = visible(device, collection) if field else []
        parent = field and own.get(field, (device.get(key) or {}).get(field))
        lost = bool(parent) and parent not in {id for _, id in parents}
        moved = {field: rng.choice(parents)[1]} if lost and parents else {}
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
    if error["code"] in {"parent-missing", "derivation-cycle"} and key[0] not in PARENTS:
        return dict.fromkeys(fields)
    if error["code"] == "parent-missing":
        field, collection = PARENTS[key[0]]
        parents = visible(device, collection)
        return {field: rng.choice(parents)[1]} if parents else None
    assert error["code"] in {"invalid-transition", "validation"}, error
    return theirs and {name: theirs[name] for name in ("status", "started_at", "completed_at") if name in theirs}
