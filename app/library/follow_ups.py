"""Follow-ups: what a person is asked for after a dosing session, and on which days."""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.library.files import FileShape
from app.library.instruments import Code

Days = Annotated[int, Field(strict=True, ge=1, le=366)]


class FollowUpKind(StrEnum):
    """What is asked for."""

    CHECK_IN = "check-in"
    REFLECTION = "reflection"
    ASSESSMENT = "assessment"


class FollowUpRule(FileShape):
    """What is asked for on certain days after a session. Each stays open until the next one opens."""

    kind: FollowUpKind
    instrument: Code | None
    """The instrument of an assessment."""
    days: Annotated[list[Days], Field(min_length=1)]
    """The days on which it opens, ascending: 1 is the day after the session."""
    last_open_days: Days
    """For how many days the last one is open."""

    @model_validator(mode="after")
    def _check(self) -> "FollowUpRule":
        if any(day >= later for day, later in pairwise(self.days)):
            raise PydanticCustomError("follow_up", "the days have to be ascending")
        if (self.kind is FollowUpKind.ASSESSMENT) != (self.instrument is not None):
            raise PydanticCustomError("follow_up", "an assessment has an instrument, and nothing else has one")
        return self

    @property
    def longest_days(self) -> int:
        """For how many days the longest of its follow-ups is open."""
        return max(later - day for day, later in pairwise([*self.days, self.days[-1] + self.last_open_days]))


class FollowUps(FileShape):
    """The file of follow-ups."""

    set: Annotated[int, Field(strict=True, ge=1, lt=2**31)]
    follow_ups: Annotated[list[FollowUpRule], Field(min_length=1)]
