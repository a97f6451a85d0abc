"""The enumerations and types of assessments."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.library.instruments import MAX_ITEMS, Answer
from app.records.text import Sealed


class AssessmentStatus(StrEnum):
    """The status of an assessment (FHIR R4 questionnaire response)."""

    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    ENTERED_IN_ERROR = "entered-in-error"


class Timepoint(StrEnum):
    """The point in the therapy at which an assessment was made."""

    BASELINE = "baseline"
    BEFORE_SESSION = "before-session"
    AFTER_SESSION = "after-session"
    FOLLOW_UP = "follow-up"


Answers = Annotated[list[Answer | None], Field(max_length=MAX_ITEMS), Sealed()]
