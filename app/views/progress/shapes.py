"""The models that document the response of the progress view. Responses are not validated against them."""

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

    session_id: Id = Field(description="The id of the session.")
    kind: SessionKind = Field(description="The purpose of the session.")
    day: Day = Field(description="The day on which the session ended; if no end is recorded, the day of its start.")


class MeasurePoint(BaseModel, defer_build=True):
    """The score of a completed assessment."""

    assessment_id: Id = Field(description="The id of the assessment.")
    day: Day = Field(description="The day on which the assessment was taken.")
    total: int | None = Field(ge=-(2**31), lt=2**31, description="The total; null if too many answers are missing.")
    band: str | None = Field(description="The band of the total; null if there is none.")
    scoring: Scoring = Field(description="How the total was computed.")
    timepoint: str | None = Field(description="The timepoint of the assessment, or null.")
    days_since_dosing: int | None = Field(
        ge=0, lt=2**31, description="The number of days since the latest dosing session; null if there was none."
    )


class MeasureChange(BaseModel, defer_build=True):
    """The change from the baseline to the latest total, and its meaning by the rules of the instrument."""

    points: int = Field(ge=-(2**31), lt=2**31, description="The latest total minus the baseline.")
    percent: int | None = Field(
        ge=-(2**31), lt=2**31, description="The change in percent of the baseline; null if the baseline is 0."
    )
    beyond: bool | None = Field(
        description="Whether the change, up or down, is at least the instrument's `change.points`; null if it has none."
    )
    response: bool | None = Field(
        description="Whether the change is a response: an improvement as large as the instrument's rule requires. Null "
        "if the instrument has no rule for it, or none for such a baseline."
    )
    remission: bool | None = Field(
        description="Whether the latest total is a remission: a total below the limit in the instrument's rule. Null "
        "if the instrument has no rule for it, or none for such a baseline."
    )


class InstrumentMeasure(BaseModel, defer_build=True):
    """The scores of one version of an instrument, and the change from the baseline to the latest score."""

    instrument: str = Field(description="The instrument's code.")
    version: str = Field(description="The instrument's version.")
    direction: str | None = Field(
        description="`lower-is-better` or `higher-is-better`; null if the server no longer has the instrument."
    )
    points: list[MeasurePoint] = Field(description="The completed assessments of the range, ordered by time.")
    baseline: MeasurePoint | None = Field(
        description="The first assessment with the timepoint `baseline`; else the first one up to the day of the first "
        "dosing session; else the first one. Only assessments with a total count. It can be before the range."
    )
    latest: MeasurePoint | None = Field(description="The latest assessment with a total, up to the end of the range.")
    change: MeasureChange | None = Field(
        description="The change from `baseline` to `latest`; null if both are the same assessment, or if they are null."
    )


_MEAN: Final = "The mean of the day, to one decimal place; null if the value was not entered."


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
    count: int = Field(ge=1, lt=2**31, description="The number of check-ins of the day.")


class PracticeWeek(BaseModel, defer_build=True):
    """A week of a practice: the days on which it was expected, done and skipped, and whether the week was kept."""

    starts_on: Day = Field(description="The first day of the week, as the practice's `week_start` says.")
    expected: int = Field(ge=0, lt=2**31, description="The number of days on which the practice was expected.")
    done: int = Field(ge=0, lt=2**31, description="The number of days on which it was done, due or not.")
    partly: int = Field(ge=0, lt=2**31, description="The number of days on which it was partly done.")
    skipped: int = Field(ge=0, lt=2**31, description="The number of days on which it was skipped.")
    state: WeekState = Field(
        description="`free` if nothing was expected; `kept` if `done` and `partly` together are at least two thirds of "
        "`expected`; otherwise `open` until the week is over, and then `not-kept`."
    )
    percent: int | None = Field(
        ge=0,
        le=100,
        description="The share of `expected` that was done. Days in `partly` count half. Null if nothing was expected.",
    )


class PracticeDay(BaseModel, defer_build=True):
    """The state of a practice on one day."""

    day: Day = Field(description="The day.")
    state: DayState = Field(description="The state of the practice on this day.")


class PracticeRun(BaseModel, defer_build=True):
    """Runs of kept weeks. A run continues over free weeks, and over a single week that was not kept."""

    current: int = Field(ge=0, lt=2**31, description="The number of kept weeks in the current run.")
    longest: int = Field(
        ge=0, lt=2**31, description="The number of kept weeks in the longest run, at most 260 weeks back."
    )
    forgiven: bool = Field(description="Whether the current run continued over a week that was not kept.")


class PracticeProgress(BaseModel, defer_build=True):
    """The progress of a practice: its weeks and days in the range, and its runs of kept weeks."""

    practice_id: Id = Field(description="The id of the practice.")
    title: str = Field(description="The title of the practice.")
    weeks: list[PracticeWeek] = Field(description="The weeks of the practice that have a day in the range.")
    days: list[PracticeDay] | None = Field(description="The days of the range; null for a range of more than 92 days.")
    weeks_kept: PracticeRun = Field(description="The runs of kept weeks, up to the week of `as_of`.")


class ChangeCounts(BaseModel, defer_build=True):
    """Numbers of action items that were created by the end of the range. Each item counts with its present status."""

    open: int = Field(ge=0, lt=2**31, description="Draft, requested, accepted, in progress or on hold.")
    completed: int = Field(ge=0, lt=2**31, description="Completed in the range.")
    ended: int = Field(
        ge=0, lt=2**31, description="Rejected, failed or cancelled, and last changed in the range or after it."
    )


class Changes(BaseModel, defer_build=True):
    """Numbers of action items, by the kind of change that they are about."""

    internal: ChangeCounts = Field(description="Changes in how the person thinks, feels or sees.")
    external: ChangeCounts = Field(description="Changes in what the person does.")


class DomainProgress(BaseModel, defer_build=True):
    """Numbers of reflections, intentions and days with practices for one domain of life."""

    domain: Domain = Field(description="The domain.")
    reflections: int = Field(ge=0, lt=2**31, description="The number of reflections of the range about the domain.")
    intentions: int = Field(
        ge=0,
        lt=2**31,
        description="The number of intentions about the domain, not cancelled, created by the end of the range.",
    )
    practice_days: int = Field(
        ge=0,
        lt=2**31,
        description="The number of days of the range on which a practice of the domain was done, at least partly.",
    )


class GoalPoint(BaseModel, defer_build=True):
    """A day on which outcomes stated levels of goal attainment, and the T score of all goals at the end of this day."""

    day: Day = Field(description="The day.")
    t: float = Field(description="The T score.")


class GoalProgress(BaseModel, defer_build=True):
    """Goal attainment: the T score of the intentions with a scale. 50 means reached as expected, on average."""

    t: float | None = Field(description="The T score at the end of the range; null if no outcome states a level.")
    baseline_t: float | None = Field(
        description="The T score of the same intentions' baselines; null if none has a baseline."
    )
    count: int = Field(ge=0, lt=2**31, description="The number of intentions that `t` is computed from.")
    points: list[GoalPoint] = Field(
        description="The T score of each day of the range for which an outcome states a level."
    )


class Progress(BaseModel, defer_build=True, json_schema_extra=example(EXAMPLE)):
    """What a person has done in a range of days, and how their scores have changed."""

    from_on: Day = Field(alias="from", description="The first day of the range.")
    to_on: Day = Field(alias="to", description="The last day of the range.")
    timezone: str = Field(description="The IANA time zone of the days.")
    sessions: list[SessionDay] = Field(description="The sessions that took place, in the order in which they ended.")
    measures: list[InstrumentMeasure] = Field(
        description="The questionnaires that were completed in the range, ordered by code."
    )
    check_ins: list[CheckInMeans] = Field(description="The days with check-ins.")
    practices: list[PracticeProgress] = Field(description="The practices of the range, oldest first.")
    changes: Changes = Field(description="Numbers of action items.")
    domains: list[DomainProgress] = Field(
        min_length=6, max_length=6, description="The numbers for each of the six domains of life."
    )
    goals: GoalProgress = Field(description="The attainment of the goals.")
