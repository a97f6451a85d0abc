"""The parts of a life that integration touches."""

from enum import StrEnum


class Domain(StrEnum):
    """A part of life."""

    MIND = "mind"
    BODY = "body"
    SPIRIT = "spirit"
    LIFESTYLE = "lifestyle"
    RELATIONSHIPS = "relationships"
    NATURE = "nature"
