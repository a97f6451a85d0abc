"""The enumerations of action items."""

from enum import StrEnum


class Facet(StrEnum):
    """What an action item is about.

    The values from `thought` to `self-talk` are for internal changes, and those from `behaviour` to `other` for
    external changes.
    """

    THOUGHT = "thought"
    EMOTION = "emotion"
    PERSPECTIVE = "perspective"
    ATTENTION = "attention"
    SELF_TALK = "self-talk"
    BEHAVIOUR = "behaviour"
    RELATIONSHIP = "relationship"
    ENVIRONMENT = "environment"
    HEALTH = "health"
    CREATIVE = "creative"
    SERVICE = "service"
    WORK = "work"
    OTHER = "other"


class ActionItemStatus(StrEnum):
    """The status of an action item (FHIR R4 task status)."""

    DRAFT = "draft"
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    IN_PROGRESS = "in-progress"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered-in-error"
