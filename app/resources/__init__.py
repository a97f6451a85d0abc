"""The rooms: one kind of record each, strangers to each other."""

from typing import Final

from app.records import Resource
from app.resources import action_items, elements, intentions, reflections, sessions

RESOURCES: Final[tuple[Resource, ...]] = (
    sessions.SESSIONS,
    elements.ELEMENTS,
    intentions.INTENTIONS,
    reflections.REFLECTIONS,
    action_items.ACTION_ITEMS,
)
