"""The kinds of record. Each kind has its own module or package, and none of them imports another."""

from typing import Final

from app.records import Resource, register
from app.resources import (
    action_items,
    assessments,
    check_ins,
    elements,
    intentions,
    outcomes,
    practice_entries,
    practices,
    reflections,
    sessions,
)

RESOURCES: Final[tuple[Resource, ...]] = register(
    sessions.SESSIONS,
    elements.ELEMENTS,
    intentions.INTENTIONS,
    reflections.REFLECTIONS,
    action_items.ACTION_ITEMS,
    practices.PRACTICES,
    practice_entries.PRACTICE_ENTRIES,
    check_ins.CHECK_INS,
    assessments.ASSESSMENTS,
    outcomes.OUTCOMES,
)
