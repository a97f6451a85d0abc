"""The domains of life that a reflection or an intention can be about."""

from enum import StrEnum


class Domain(StrEnum):
    """A domain of life."""

    MIND = "mind"
    BODY = "body"
    SPIRIT = "spirit"
    LIFESTYLE = "lifestyle"
    RELATIONSHIPS = "relationships"
    NATURE = "nature"
