"""Builds the view of today from database rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from app.clock import instant_at, local_day
from app.db import Row
from app.library import FollowUpKind, Library, Phase
from app.records import View
from app.recurrence import DayState, day_states, week_of, weeks
from app.resources.assessments import HELP
from app.views import inbox
from app.views.practice_rows import LoggedPractice, logged_practices
from app.views.today.follow_ups import Logged, follow_ups
from app.views.today.prompt_choice import ChosenPrompt, OpenElement, choose_prompts, least_touched
from app.views.today.safety import shows_help
from app.views.today.sources import ANSWERED, TOUCHED_DAYS, Moment
from app.views.today.window import Window, window_since

Rows = Mapping[str, Sequence[Row]]
LANGUAGE: Final = "en"
"""The language of the prompts. The library has prompts in no other language."""
_LISTED: Final = frozenset({DayState.OPEN, DayState.AHEAD, DayState.DONE, DayState.PARTLY, DayState.SKIPPED})
"""The view lists a practice on the days on which it has one of these states."""
_DAY: Final = timedelta(days=1)


def today(rows: Rows, moment: Moment, days_ahead: int, view: View) -> Row:
    """Return the view of today and of the next `days_ahead` days as JSON values.

    `rows` is the result of `sources.fetch`.
    """
    day, library = local_day(moment.as_of, moment.timezone), view.caller.services.library
    window = _window(rows, moment)
    practices = sorted(logged_practices(rows["practices"], rows["entries"]), key=_by_time)
    states = {
        each.id: day_states(each.practice, each.outcomes, day, day + days_ahead * _DAY, day) for each in practices
    }
    return {
        "day": day,
        "timezone": moment.timezone,
        "as_of": moment.as_of,
        "window": None if window is None else window._asdict(),
        "next_session": next(
            ({"session_id": each["id"], "scheduled_at": each["scheduled_at"]} for each in rows["next"]), None
        ),
        "practices": [
            _practice_today(each, day, states[each.id][day], moment.timezone)
            for each in practices
            if states[each.id][day] in _LISTED
        ],
        "action_items": [_action_item(each, day) for each in rows["action_items"]],
        "follow_ups": _follow_ups(rows, window, moment.timezone, (day, day + days_ahead * _DAY), library),
        "prompts": [each._asdict() for each in _prompts(rows, _phase(rows, window), moment, practices, view)],
        "inbox": {name: rows[name][0]["count"] for name in inbox.KINDS},
        "help": {"show": shows_help(rows["answers"], library), "href": HELP},
        "ahead": [
            {"day": each, "practices": _ahead(practices, each, states, moment.timezone)}
            for each in (day + ahead * _DAY for ahead in range(1, days_ahead + 1))
        ],
    }


def _window(rows: Rows, moment: Moment) -> Window | None:
    found = (window_since(row["id"], row["ended_at"], moment.as_of, moment.timezone) for row in rows["window"])
    return next(found, None)


def _by_time(logged: LoggedPractice) -> tuple[bool, str, datetime, UUID]:
    at = logged.record["at"]
    return at is None, at or "", logged.record["created_at"], logged.id


def _instant(at: str | None, day: date, timezone: str) -> datetime | None:
    return None if at is None else instant_at(day, time.fromisoformat(at), timezone)


def _practice_today(logged: LoggedPractice, day: date, state: DayState, timezone: str) -> Row:
    record, practice = logged.record, logged.practice
    start = week_of(day, practice.week_start)
    week = weeks(practice, logged.outcomes, start, start, day)[0]
    return {
        "practice_id": logged.id,
        "title": record["title"],
        "at": record["at"],
        "instant": _instant(record["at"], day, timezone),
        "minutes": record["minutes"],
        "state": state,
        "week": {name: getattr(week, name) for name in ("expected", "done", "partly", "state")},
    }


def _ahead(
    practices: Iterable[LoggedPractice], day: date, states: Mapping[UUID, Mapping[date, DayState]], timezone: str
) -> list[Row]:
    return [
        {"practice_id": each.id, "at": at, "instant": _instant(at, day, timezone), "state": states[each.id][day]}
        for each in practices
        if states[each.id][day] in _LISTED
        for at in (each.record["at"],)
    ]


def _action_item(row: Row, day: date) -> Row:
    return {
        "action_item_id": row["id"],
        "title": row["title"],
        "due_on": row["due_on"],
        "status": row["status"],
        "days_late": (day - row["due_on"]).days,
    }


def _follow_ups(
    rows: Rows, window: Window | None, timezone: str, days: tuple[date, date], library: Library
) -> list[dict[str, Any]]:
    if window is None:
        return []
    logged = [
        *(Logged(FollowUpKind.CHECK_IN, None, local_day(row["taken_at"], timezone)) for row in rows["check_ins"]),
        *(
            Logged(FollowUpKind.REFLECTION, None, local_day(row["occurred_at"], timezone))
            for row in rows["reflections"]
        ),
        *(
            Logged(FollowUpKind.ASSESSMENT, row["instrument"], local_day(row["taken_at"], timezone))
            for row in rows["assessments"]
        ),
    ]
    session_day = local_day(window.ended_at, timezone)
    rules = library.follow_ups.follow_ups
    return [each._asdict() for each in follow_ups(rules, window.session_id, session_day, logged, days)]


def _prompts(
    rows: Rows, phase: Phase, moment: Moment, practices: Iterable[LoggedPractice], view: View
) -> list[ChosenPrompt]:
    day = local_day(moment.as_of, moment.timezone)
    since = day - (TOUCHED_DAYS - 1) * _DAY
    touched = Counter(
        domain
        for row in rows["reflections"]
        if since <= local_day(row["occurred_at"], moment.timezone) <= day
        for domain in row["domains"]
    )
    touched.update(
        each.record["domain"]
        for each in practices
        if each.record["domain"] is not None and any(since <= logged <= day for logged in each.outcomes)
    )
    return choose_prompts(
        view.caller.services.library.prompts(LANGUAGE).select(phase, None, None),
        view.owner_id,
        day,
        answered={row["prompt_id"] for row in rows["reflections"] if row["occurred_at"] > moment.as_of - ANSWERED},
        element=next((OpenElement(row["id"], row["kind"]) for row in rows["oldest_element"]), None),
        domain=least_touched(touched),
    )


def _phase(rows: Rows, window: Window | None) -> Phase:
    """Return the phase for which prompts are chosen.

    It is `preparation` if a dosing session is planned in the next 72 hours. Otherwise it is the phase after the latest
    dosing session or, without such a session, `any`.
    """
    if rows["preparation"]:
        return Phase.PREPARATION
    return Phase.ANY if window is None else Phase(window.phase)
