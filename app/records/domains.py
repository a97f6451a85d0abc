"""Enumerations of several kinds: the domains of life, and whether a person changes something internal or external."""

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
