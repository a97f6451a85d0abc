"""How far an intention has been reached, in intentions and in outcomes."""

from enum import StrEnum


class Achievement(StrEnum):
    """How far an intention has been reached (FHIR R4 goal achievement)."""

    IN_PROGRESS = "in-progress"
    IMPROVING = "improving"
    NO_CHANGE = "no-change"
    WORSENING = "worsening"
    ACHIEVED = "achieved"
    NOT_ACHIEVED = "not-achieved"
