"""The enumerations of action items."""

from enum import StrEnum


class Facet(StrEnum):
    """What a change is about. Up to `self-talk` the change is internal, from `behaviour` on external."""

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
