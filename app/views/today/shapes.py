"""The documented shapes of today. Responses are not validated against them."""

from typing import Final

from pydantic import BaseModel, Field

from app.clock import Day, Instant
from app.ids import Id
from app.library import FollowUpKind
from app.openapi import example
from app.recurrence import DayState, WeekState
from app.resources.action_items.terms import ActionItemStatus
from app.views.today.window import WindowPhase

SESSION_ID: Final = "019aa2c4-7b00-7000-8000-000000000001"
_PRACTICE_ID: Final = "019aa2c4-7b00-7000-8000-000000000006"
EXAMPLE: Final = {
    "day": "2026-11-28",
    "timezone": "Europe/Berlin",
    "as_of": "2026-11-28T11:30:00.000000Z",
    "window": {
        "session_id": SESSION_ID,
        "ended_at": "2026-11-20T11:10:00.000000Z",
        "hours_since": 192,
        "days_since": 8,
        "phase": "fortnight",
        "phase_until": "2026-12-04T11:10:00.000000Z",
    },
    "next_session": None,
    "practices": [
        {
            "practice_id": _PRACTICE_ID,
            "title": "Ten minutes by the window, without a phone",
            "at": "07:30",
            "instant": "2026-11-28T06:30:00.000000Z",
            "minutes": 10,
            "state": "open",
            "week": {"expected": 7, "done": 4, "partly": 1, "state": "kept"},
        }
    ],
    "action_items": [
        {
            "action_item_id": "019aa2c4-7b00-7000-8000-000000000005",
            "title": "Call my mother on Sunday and let the silences be",
            "due_on": "2026-11-28",
            "status": "accepted",
            "days_late": 0,
        }
    ],
    "follow_ups": [
        {
            "kind": "check-in",
            "instrument": None,
            "session_id": SESSION_ID,
            "opens_on": "2026-11-27",
            "closes_on": "2026-12-03",
            "done": False,
        }
    ],
    "prompts": [
        {"id": "fortnight-01", "text": "Where did the old pattern show up, and what did you do?", "element_id": None}
    ],
    "inbox": {
        "elements_without_meaning": 1,
        "meanings_without_change": 0,
        "session_intentions_left": 0,
        "proposals": 1,
    },
    "help": {"show": False, "href": "/v1/help"},
    "ahead": [
        {
            "day": "2026-11-29",
            "practices": [
                {
                    "practice_id": _PRACTICE_ID,
                    "at": "07:30",
                    "instant": "2026-11-29T06:30:00.000000Z",
                    "state": "ahead",
                }
            ],
        }
    ],
}


class SessionWindow(BaseModel, defer_build=True):
    """The time since the latest dosing session: numbers and names, and no claim about what they mean for a person."""

    session_id: Id = Field(description="The session.")
    ended_at: Instant = Field(description="When it ended; if no end is recorded, when it started.")
    hours_since: int = Field(ge=0, lt=2**31, description="The whole hours since then.")
    days_since: int = Field(ge=0, lt=2**31, description="The days of the calendar since then.")
    phase: WindowPhase = Field(description="`fresh` for 72 hours, `fortnight` up to 14 days, then `months`.")
    phase_until: Instant | None = Field(description="When the phase ends; null for `months`.")


class NextSession(BaseModel, defer_build=True):
    """The next planned session, of any kind."""

    session_id: Id = Field(description="The session.")
    scheduled_at: Instant = Field(description="When it is planned to start.")


class PracticeWeekToday(BaseModel, defer_build=True):
    """The current week of a practice. Its first day is the practice's `week_start`."""

    expected: int = Field(ge=0, lt=2**31, description="On how many days the practice is expected.")
    done: int = Field(ge=0, lt=2**31, description="On how many days it was done.")
    partly: int = Field(ge=0, lt=2**31, description="On how many days it was partly done.")
    state: WeekState = Field(description="`kept` from two thirds of the expected days on; `free` if none is expected.")


class PracticeToday(BaseModel, defer_build=True):
    """A practice that is due today, or that has an entry today."""

    practice_id: Id = Field(description="The practice.")
    title: str = Field(description="Its title.")
    at: str | None = Field(description="Its time of day, `HH:MM`, wherever the person is.")
    instant: Instant | None = Field(description="That time on this day in the time zone; null without one.")
    minutes: int | None = Field(ge=1, le=1440, description="How long it takes, in minutes.")
    state: DayState = Field(description="`open`, or the best outcome of today's entries.")
    week: PracticeWeekToday = Field(description="Its current week.")


class ActionItemToday(BaseModel, defer_build=True):
    """An action item that is due, and neither completed nor given up."""

    action_item_id: Id = Field(description="The action item.")
    title: str = Field(description="Its title.")
    due_on: Day = Field(description="The day on which it is due.")
    status: ActionItemStatus = Field(description="`accepted`, `in-progress` or `on-hold`.")
    days_late: int = Field(ge=0, lt=2**31, description="How many days ago it was due.")


class SessionFollowUp(BaseModel, defer_build=True):
    """Something to enter after the latest dosing session."""

    kind: FollowUpKind = Field(description="What to enter.")
    instrument: str | None = Field(description="The instrument of an assessment.")
    session_id: Id = Field(description="The session.")
    opens_on: Day = Field(description="The first day for it.")
    closes_on: Day = Field(description="The last day for it.")
    done: bool = Field(description="Whether there is a matching record of one of these days.")


class PromptToday(BaseModel, defer_build=True):
    """A question that the person may answer in a reflection. It is the same on every device on this day."""

    id: str = Field(description="The prompt's id, for the `prompt_id` of the reflection.")
    text: str = Field(description="The question.")
    element_id: Id | None = Field(description="The element that it is about; null if it is about none in particular.")


class InboxCounts(BaseModel, defer_build=True):
    """How many records wait for the person: the numbers of `GET /v1/inbox`."""

    elements_without_meaning: int = Field(ge=0, lt=2**31, description="Elements without a meaning.")
    meanings_without_change: int = Field(
        ge=0, lt=2**31, description="Meanings from which no intention or action item came."
    )
    session_intentions_left: int = Field(
        ge=0, lt=2**31, description="Session intentions that did not lead to another one."
    )
    proposals: int = Field(ge=0, lt=2**31, description="Proposed action items.")


class HelpToday(BaseModel, defer_build=True):
    """Whether to show help: for 14 days after an answer with a flag, or until a newer answer has none."""

    show: bool = Field(description="Whether to show it.")
    href: str = Field(description="The path of the help: add the account's `region` and a `language`.")


class PracticeAhead(BaseModel, defer_build=True):
    """A practice on a coming day."""

    practice_id: Id = Field(description="The practice.")
    at: str | None = Field(description="Its time of day, `HH:MM`.")
    instant: Instant | None = Field(description="That time on this day in the time zone, for a local notification.")
    state: DayState = Field(description="`ahead`, or the best outcome of the day's entries.")


class DayAhead(BaseModel, defer_build=True):
    """A coming day, and the practices that are due on it."""

    day: Day = Field(description="The day.")
    practices: list[PracticeAhead] = Field(description="The practices.")


class Today(BaseModel, defer_build=True, json_schema_extra=example(EXAMPLE)):
    """What is due on a day, where the person is after the latest dosing session, and what comes next."""

    day: Day = Field(description="The day that it is at `as_of` in the time zone.")
    timezone: str = Field(description="The IANA time zone.")
    as_of: Instant = Field(description="The moment of which this is.")
    window: SessionWindow | None = Field(description="The time since the latest dosing session; null without one.")
    next_session: NextSession | None = Field(description="The next planned session; null without one.")
    practices: list[PracticeToday] = Field(description="The practices of the day, by their time of day.")
    action_items: list[ActionItemToday] = Field(description="The action items that are due, the oldest first.")
    follow_ups: list[SessionFollowUp] = Field(
        description="The follow-ups that are open on this day or on one of the days ahead."
    )
    prompts: list[PromptToday] = Field(max_length=3, description="At most three questions.")
    inbox: InboxCounts = Field(description="How many records wait for the person.")
    help: HelpToday = Field(description="Whether to show help.")
    ahead: list[DayAhead] = Field(max_length=14, description="The coming days, as many as `days`.")
