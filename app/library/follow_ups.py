"""Follow-ups: the records that a person should create after a dosing session, and the days for them."""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.library.files import FileShape
from app.library.instruments import Code

Days = Annotated[int, Field(strict=True, ge=1, le=366)]


class FollowUpKind(StrEnum):
    """The kind of record that a person should create as a follow-up of a session."""

    CHECK_IN = "check-in"
    REFLECTION = "reflection"
    ASSESSMENT = "assessment"


class FollowUpRule(FileShape):
    """A series of follow-ups of one kind after a dosing session.

    A follow-up is open from its day until the day on which the next follow-up of the series opens.
    """

    kind: FollowUpKind
    instrument: Code | None
    """If `kind` is `assessment`, the code of the instrument; else None."""
    days: Annotated[list[Days], Field(min_length=1)]
    """The days on which the follow-ups open, in ascending order: 1 is the day after the session."""
    last_open_days: Days
    """The number of days for which the last follow-up of the series is open."""

    @model_validator(mode="after")
    def _check(self) -> "FollowUpRule":
        if any(day >= later for day, later in pairwise(self.days)):
            raise PydanticCustomError("follow_up", "the days have to be ascending")
        if (self.kind is FollowUpKind.ASSESSMENT) != (self.instrument is not None):
            raise PydanticCustomError(
                "follow_up", "instrument is required for an assessment, and must be null for other kinds"
            )
        return self

    @property
    def longest_days(self) -> int:
        """The largest number of days for which a follow-up of the series is open."""
        return max(later - day for day, later in pairwise([*self.days, self.days[-1] + self.last_open_days]))


class FollowUps(FileShape):
    """The content of the file with the rules for follow-ups. `set` is the version of the file."""

    set: Annotated[int, Field(strict=True, ge=1, lt=2**31)]
    follow_ups: Annotated[list[FollowUpRule], Field(min_length=1)]
