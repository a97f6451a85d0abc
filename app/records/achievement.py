"""The enumeration of how far an intention has been reached. Intentions and outcomes use it."""

from enum import StrEnum


class Achievement(StrEnum):
    """How far an intention has been reached (FHIR R4 goal achievement)."""

    IN_PROGRESS = "in-progress"
    IMPROVING = "improving"
    NO_CHANGE = "no-change"
    WORSENING = "worsening"
    ACHIEVED = "achieved"
    NOT_ACHIEVED = "not-achieved"
