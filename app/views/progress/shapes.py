"""The documented shapes of progress. Responses are not validated against them."""

from typing import Final

from pydantic import BaseModel, Field

from app.clock import Day
from app.ids import Id
from app.library.scoring import Scoring
from app.openapi import example
from app.records.domains import Domain
from app.recurrence import DayState, WeekState
from app.resources.sessions.terms import SessionKind

_SESSION_ID: Final = "019aa2c4-7b00-7000-8000-000000000001"
_BASELINE: Final = {
    "assessment_id": "019aa2c4-7b00-7000-8000-000000000009",
    "day": "2026-11-18",
    "total": 14,
    "band": "moderate",
    "scoring": "complete",
    "timepoint": "baseline",
    "days_since_dosing": None,
}
_LATEST: Final = _BASELINE | {
    "assessment_id": "019aa2c4-7b00-7000-8000-00000000000a",
    "day": "2026-11-27",
    "total": 6,
    "band": "mild",
    "timepoint": "follow-up",
    "days_since_dosing": 7,
}
EXAMPLE: Final = {
    "from": "2026-08-31",
    "to": "2026-11-28",
    "timezone": "Europe/Berlin",
    "sessions": [{"session_id": _SESSION_ID, "kind": "dosing", "day": "2026-11-20"}],
    "measures": [
        {
            "instrument": "phq-9",
            "version": "1",
            "direction": "lower-is-better",
            "points": [_BASELINE, _LATEST],
            "baseline": _BASELINE,
            "latest": _LATEST,
            "change": {"points": -8, "percent": -57, "beyond": True, "response": True, "remission": False},
        }
    ],
    "check_ins": [
        {
            "day": "2026-11-27",
            "mood": 6.5,
            "anxiety": 3.0,
            "energy": 5.0,
            "sleep": 7.0,
            "connectedness": 6.0,
            "craving": None,
            "pain": None,
            "sleep_minutes": 430.0,
            "count": 2,
        }
    ],
    "practices": [
        {
            "practice_id": "019aa2c4-7b00-7000-8000-000000000006",
            "title": "Ten minutes by the window, without a phone",
            "weeks": [
                {
                    "starts_on": "2026-11-23",
                    "expected": 7,
                    "done": 4,
                    "partly": 1,
                    "skipped": 0,
                    "state": "kept",
                    "percent": 64,
                }
            ],
            "days": [{"day": "2026-11-28", "state": "open"}],
            "weeks_kept": {"current": 3, "longest": 3, "forgiven": False},
        }
    ],
    "changes": {
        "internal": {"open": 1, "completed": 2, "ended": 0},
        "external": {"open": 2, "completed": 1, "ended": 1},
    },
    "domains": [
        {"domain": domain, "reflections": count, "intentions": 1, "practice_days": 5 * count}
        for domain, count in zip(Domain, (3, 2, 0, 1, 4, 1), strict=True)
    ],
    "goals": {"t": 56.2, "baseline_t": 37.6, "count": 2, "points": [{"day": "2026-11-25", "t": 56.2}]},
}


class SessionDay(BaseModel, defer_build=True):
    """A session that took place."""

    session_id: Id = Field(description="The session.")
    kind: SessionKind = Field(description="The purpose of the session.")
    day: Day = Field(description="The day on which it ended; if no end is recorded, on which it started.")


class MeasurePoint(BaseModel, defer_build=True):
    """The score of a completed assessment."""

    assessment_id: Id = Field(description="The assessment.")
    day: Day = Field(description="The day on which it was taken.")
    total: int | None = Field(ge=-(2**31), lt=2**31, description="The total; null if too many answers are missing.")
    band: str | None = Field(description="The band of the total.")
    scoring: Scoring = Field(description="How the total was computed.")
    timepoint: str | None = Field(description="The timepoint of the assessment.")
    days_since_dosing: int | None = Field(
        ge=0, lt=2**31, description="The days since the last dosing session before it."
    )


class MeasureChange(BaseModel, defer_build=True):
    """The difference between the latest total and the baseline, and what it means by the instrument's file."""

    points: int = Field(ge=-(2**31), lt=2**31, description="The latest total less the baseline.")
    percent: int | None = Field(
        ge=-(2**31), lt=2**31, description="The same in percent of the baseline; null if that is 0."
    )
    beyond: bool | None = Field(
        description="Whether the change is as large as the file's `change.points`; null if it has none."
    )
    response: bool | None = Field(description="Whether it is a response by the file; null if the file says nothing.")
    remission: bool | None = Field(description="Whether it is a remission by the file; null if the file says nothing.")


class InstrumentMeasure(BaseModel, defer_build=True):
    """The scores of one version of an instrument."""

    instrument: str = Field(description="The instrument's code.")
    version: str = Field(description="The instrument's version.")
    direction: str | None = Field(
        description="`lower-is-better` or `higher-is-better`; null if the server no longer has the instrument."
    )
    points: list[MeasurePoint] = Field(description="The assessments of the range, in the order of their times.")
    baseline: MeasurePoint | None = Field(
        description="The first assessment that is marked as baseline, else the first one up to the first dosing day, else "
        "the first one, also if it is before the range."
    )
    latest: MeasurePoint | None = Field(description="The latest assessment with a total.")
    change: MeasureChange | None = Field(
        description="The change from `baseline` to `latest`; null without a second one."
    )


_MEAN: Final = "The mean, to one decimal place; null if it was not entered."


class CheckInMeans(BaseModel, defer_build=True):
    """The means of a day's check-ins."""

    day: Day = Field(description="The day.")
    mood: float | None = Field(ge=0, le=10, description=_MEAN)
    anxiety: float | None = Field(ge=0, le=10, description=_MEAN)
    energy: float | None = Field(ge=0, le=10, description=_MEAN)
    sleep: float | None = Field(ge=0, le=10, description=_MEAN)
    connectedness: float | None = Field(ge=0, le=10, description=_MEAN)
    craving: float | None = Field(ge=0, le=10, description=_MEAN)
    pain: float | None = Field(ge=0, le=10, description=_MEAN)
    sleep_minutes: float | None = Field(ge=0, le=1440, description=_MEAN)
    count: int = Field(ge=1, lt=2**31, description="The number of check-ins.")


class PracticeWeek(BaseModel, defer_build=True):
    """A week of a practice."""

    starts_on: Day = Field(description="Its first day, by the practice's `week_start`.")
    expected: int = Field(ge=0, lt=2**31, description="On how many days the practice was expected.")
    done: int = Field(ge=0, lt=2**31, description="On how many days it was done, whichever days.")
    partly: int = Field(ge=0, lt=2**31, description="On how many days it was partly done.")
    skipped: int = Field(ge=0, lt=2**31, description="On how many days it was skipped.")
    state: WeekState = Field(
        description="`kept` if done and partly are two thirds of expected; `open` if the week is not over and not kept "
        "yet; `free` if nothing was expected."
    )
    percent: int | None = Field(
        ge=0, le=100, description="The share of `expected`, where partly counts a half; null if nothing was expected."
    )


class PracticeDay(BaseModel, defer_build=True):
    """A day of a practice."""

    day: Day = Field(description="The day.")
    state: DayState = Field(description="What the day is for the practice.")


class PracticeRun(BaseModel, defer_build=True):
    """Kept weeks in a row. Free weeks are passed over, and one week that was not kept is forgiven."""

    current: int = Field(ge=0, lt=2**31, description="The current run.")
    longest: int = Field(ge=0, lt=2**31, description="The longest run, at most 260 weeks back.")
    forgiven: bool = Field(description="Whether the current run has a week that was not kept, but forgiven.")


class PracticeProgress(BaseModel, defer_build=True):
    """How a practice has gone."""

    practice_id: Id = Field(description="The practice.")
    title: str = Field(description="Its title.")
    weeks: list[PracticeWeek] = Field(description="The weeks with a day in the range.")
    days: list[PracticeDay] | None = Field(description="The days of the range; null if it is longer than 92 days.")
    weeks_kept: PracticeRun = Field(description="Kept weeks in a row, up to the week of `as_of`.")


class ChangeCounts(BaseModel, defer_build=True):
    """Action items by what became of them."""

    open: int = Field(
        ge=0, lt=2**31, description="Open at the time of the request, and created by the end of the range."
    )
    completed: int = Field(ge=0, lt=2**31, description="Completed in the range.")
    ended: int = Field(ge=0, lt=2**31, description="Rejected, failed or cancelled, and last changed in the range.")


class Changes(BaseModel, defer_build=True):
    """Action items, by where the change takes place."""

    internal: ChangeCounts = Field(description="Changes in how the person thinks, feels or sees.")
    external: ChangeCounts = Field(description="Changes in what the person does.")


class DomainProgress(BaseModel, defer_build=True):
    """What concerns a domain of life."""

    domain: Domain = Field(description="The domain.")
    reflections: int = Field(ge=0, lt=2**31, description="Reflections of the range about it.")
    intentions: int = Field(
        ge=0, lt=2**31, description="Intentions about it, not cancelled, created by the end of the range."
    )
    practice_days: int = Field(
        ge=0, lt=2**31, description="Days of the range on which a practice of it was done, also partly."
    )


class GoalPoint(BaseModel, defer_build=True):
    """The T score at the end of a day on which an outcome stated a level."""

    day: Day = Field(description="The day.")
    t: float = Field(description="The T score.")


class GoalProgress(BaseModel, defer_build=True):
    """Goal attainment: the T score of the intentions with a scale. 50 means reached as expected, on average."""

    t: float | None = Field(description="The T score at the end of the range; null if no outcome states a level.")
    baseline_t: float | None = Field(description="The T score of the same intentions' baselines; null without any.")
    count: int = Field(ge=0, lt=2**31, description="The number of intentions in `t`.")
    points: list[GoalPoint] = Field(description="The T score of each day of the range with a level.")


class Progress(BaseModel, defer_build=True, json_schema_extra=example(EXAMPLE)):
    """What a person has done in a range of days, and how their scores have changed."""

    from_on: Day = Field(alias="from", description="The first day of the range.")
    to_on: Day = Field(alias="to", description="The last day of the range.")
    timezone: str = Field(description="The IANA time zone of the days.")
    sessions: list[SessionDay] = Field(description="The sessions that took place, in the order of their times.")
    measures: list[InstrumentMeasure] = Field(
        description="The questionnaires that were answered in the range, by code."
    )
    check_ins: list[CheckInMeans] = Field(description="The days with check-ins.")
    practices: list[PracticeProgress] = Field(description="The practices of the range, the oldest first.")
    changes: Changes = Field(description="The action items.")
    domains: list[DomainProgress] = Field(min_length=6, max_length=6, description="The six domains of life.")
    goals: GoalProgress = Field(description="Goal attainment.")
