"""The kinds of record. Each has its own module, and none imports another."""

from typing import Final

from app.records import Resource, register
from app.resources import action_items, elements, intentions, reflections, sessions

RESOURCES: Final[tuple[Resource, ...]] = register(
    sessions.SESSIONS,
    elements.ELEMENTS,
    intentions.INTENTIONS,
    reflections.REFLECTIONS,
    action_items.ACTION_ITEMS,
)
