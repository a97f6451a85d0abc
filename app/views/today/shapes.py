"""The models that document the response of the view of today. Responses are not validated against them."""

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
    """The time since the latest dosing session. The phase is only a name, and no claim about the person's state."""

    session_id: Id = Field(description="The id of the session.")
    ended_at: Instant = Field(description="When the session ended; if no end is recorded, when it started.")
    hours_since: int = Field(ge=0, lt=2**31, description="The whole hours since `ended_at`.")
    days_since: int = Field(ge=0, lt=2**31, description="The calendar days since `ended_at`, in the time zone.")
    phase: WindowPhase = Field(description="`fresh` for 72 hours, then `fortnight` up to 14 days, then `months`.")
    phase_until: Instant | None = Field(description="When the phase ends; null for `months`.")


class NextSession(BaseModel, defer_build=True):
    """The next planned session, of any kind."""

    session_id: Id = Field(description="The id of the session.")
    scheduled_at: Instant = Field(description="When the session is planned to start.")


class PracticeWeekToday(BaseModel, defer_build=True):
    """The current week of a practice. The practice's `week_start` says on which day a week begins."""

    expected: int = Field(ge=0, lt=2**31, description="The number of days on which the practice is expected.")
    done: int = Field(ge=0, lt=2**31, description="The number of days on which it was done.")
    partly: int = Field(ge=0, lt=2**31, description="The number of days on which it was partly done.")
    state: WeekState = Field(
        description="`free` if nothing is expected; `kept` if `done` and `partly` together are at least two thirds of "
        "`expected`; otherwise `open`."
    )


class PracticeToday(BaseModel, defer_build=True):
    """A practice that is due today, or that has an entry today."""

    practice_id: Id = Field(description="The id of the practice.")
    title: str = Field(description="The title of the practice.")
    at: str | None = Field(description="The practice's time of day, `HH:MM`, in the time zone of the person, or null.")
    instant: Instant | None = Field(
        description="The instant of `at` on this day in the view's time zone; null without `at`."
    )
    minutes: int | None = Field(ge=1, le=1440, description="The planned duration of the practice in minutes, or null.")
    state: DayState = Field(description="`open`, or the best outcome of today's entries.")
    week: PracticeWeekToday = Field(description="The current week of the practice.")


class ActionItemToday(BaseModel, defer_build=True):
    """An action item that is due today or was due earlier, and that is accepted, in progress or on hold."""

    action_item_id: Id = Field(description="The id of the action item.")
    title: str = Field(description="The title of the action item.")
    due_on: Day = Field(description="The day on which the action item is due.")
    status: ActionItemStatus = Field(description="`accepted`, `in-progress` or `on-hold`.")
    days_late: int = Field(ge=0, lt=2**31, description="The number of days since `due_on`; 0 if it is due today.")


class SessionFollowUp(BaseModel, defer_build=True):
    """A record that the person should create after the latest dosing session."""

    kind: FollowUpKind = Field(description="The kind of record to create.")
    instrument: str | None = Field(description="The code of the instrument of an assessment; null for other kinds.")
    session_id: Id = Field(description="The id of the session.")
    opens_on: Day = Field(description="The first day on which the follow-up is open.")
    closes_on: Day = Field(description="The last day on which the follow-up is open.")
    done: bool = Field(description="Whether a matching record exists for a day from `opens_on` to `closes_on`.")


class PromptToday(BaseModel, defer_build=True):
    """A question that the person can answer in a reflection. All devices get the same questions on a day."""

    id: str = Field(description="The prompt's id, for the `prompt_id` of the reflection.")
    text: str = Field(description="The question.")
    element_id: Id | None = Field(description="The id of the element that the question is about, or null.")


class InboxCounts(BaseModel, defer_build=True):
    """The numbers of records that wait for the person's next step: the counts of `GET /v1/inbox`."""

    elements_without_meaning: int = Field(
        ge=0, lt=2**31, description="Elements that have no meaning yet and are not set aside."
    )
    meanings_without_change: int = Field(
        ge=0,
        lt=2**31,
        description="Elements with a meaning, not set aside, to which no intention or action item refers yet.",
    )
    session_intentions_left: int = Field(
        ge=0,
        lt=2**31,
        description="Active intentions for a completed session, from which no integration intention is derived.",
    )
    proposals: int = Field(ge=0, lt=2**31, description="Action items with the status `requested`.")


class HelpToday(BaseModel, defer_build=True):
    """Whether to show help. It is shown for 14 days after an assessment with a flag, but only until the person answers
    the same instrument again without a flag.
    """

    show: bool = Field(description="Whether to show the help.")
    href: str = Field(
        description="The path of the help. Add the parameters `region`, as in the account, and `language`."
    )


class PracticeAhead(BaseModel, defer_build=True):
    """A practice on one of the days ahead."""

    practice_id: Id = Field(description="The id of the practice.")
    at: str | None = Field(description="The practice's time of day, `HH:MM`, or null.")
    instant: Instant | None = Field(
        description="The instant of `at` on this day in the view's time zone, for a notification; null without `at`."
    )
    state: DayState = Field(description="`ahead`, or the best outcome of the day's entries.")


class DayAhead(BaseModel, defer_build=True):
    """One of the days ahead, with the practices that are due on it."""

    day: Day = Field(description="The day.")
    practices: list[PracticeAhead] = Field(description="The practices that are due on the day, ordered by time of day.")


class Today(BaseModel, defer_build=True, json_schema_extra=example(EXAMPLE)):
    """What is due today, the time since the latest dosing session, and what is due on the days ahead."""

    day: Day = Field(description="The local day of `as_of` in the time zone.")
    timezone: str = Field(description="The IANA time zone of the days.")
    as_of: Instant = Field(description="The moment for which the view was computed.")
    window: SessionWindow | None = Field(
        description="The time since the latest dosing session; null if there was none."
    )
    next_session: NextSession | None = Field(description="The next planned session; null if there is none.")
    practices: list[PracticeToday] = Field(description="The practices of the day, ordered by time of day.")
    action_items: list[ActionItemToday] = Field(description="The action items that are due, ordered by `due_on`.")
    follow_ups: list[SessionFollowUp] = Field(
        description="The follow-ups that are open on this day or on one of the days ahead."
    )
    prompts: list[PromptToday] = Field(max_length=3, description="At most three questions for a reflection.")
    inbox: InboxCounts = Field(description="The numbers of records that wait for the person's next step.")
    help: HelpToday = Field(description="Whether to show help, and the path of the help.")
    ahead: list[DayAhead] = Field(max_length=14, description="The days after today, as many as `days`.")
