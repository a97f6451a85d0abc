"""The domains of life, and the two sides, that records of several kinds can be about."""

from enum import StrEnum


class Domain(StrEnum):
    """A domain of life."""

    MIND = "mind"
    BODY = "body"
    SPIRIT = "spirit"
    LIFESTYLE = "lifestyle"
    RELATIONSHIPS = "relationships"
    NATURE = "nature"


class ActionItemChange(StrEnum):
    """Whether a change is internal or external."""

    INTERNAL = "internal"
    EXTERNAL = "external"
