"""Builds the progress view from database rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from app.clock import local_day
from app.db import Row
from app.library import Library
from app.records.domains import ActionItemChange, Domain
from app.resources.action_items.terms import ActionItemStatus
from app.resources.sessions.terms import SessionKind
from app.views.practice_rows import LoggedPractice, logged_practices
from app.views.progress.check_ins import CheckInDay, by_day
from app.views.progress.goals import Goal, Level, attainment
from app.views.progress.measures import Measure, Point, measure
from app.views.progress.practices import in_range, practice_days, progress_of
from app.views.progress.sources import OPEN, Range

Rows = Mapping[str, Sequence[Row]]
_by_time: Final = itemgetter("taken_at", "id")


def progress(rows: Rows, range_: Range, library: Library) -> Row:
    """Return the progress view as JSON values. `rows` is the result of `sources.fetch`."""
    practices = all_practices(rows)
    return {
        "from": range_.from_on,
        "to": range_.to_on,
        "timezone": range_.timezone,
        "sessions": sessions(rows, range_),
        "measures": [
            _measure(instrument, version, found, library)
            for (instrument, version), found in sorted(measures(rows, range_, library).items())
        ],
        "check_ins": [
            {"day": each.day, **each.means, "count": each.count} for each in check_in_days(rows, range_.timezone)
        ],
        "practices": [progress_of(each, range_) for each in in_range(practices, range_)],
        "changes": _changes(rows["action_items"]),
        "domains": _domains(rows, practices, range_),
        "goals": _goals(rows, range_),
    }


def all_practices(rows: Rows) -> list[LoggedPractice]:
    """Return the practices with the outcomes of their entries, oldest first."""
    ordered = sorted(rows["practices"], key=itemgetter("created_at", "id"))
    return list(logged_practices(ordered, rows["entries"]))


def sessions(rows: Rows, range_: Range) -> list[Row]:
    """Return the sessions that took place in the range, in the order in which they ended."""
    days = ((row, local_day(row["ended_at"], range_.timezone)) for row in _by_end(rows))
    return [
        {"session_id": row["id"], "kind": row["kind"], "day": day}
        for row, day in days
        if range_.from_on <= day <= range_.to_on
    ]


def measures(rows: Rows, range_: Range, library: Library) -> dict[tuple[str, str], Measure]:
    """Return the measures that have a score in the range, by the code and the version of the instrument."""
    dosing_days = [
        local_day(row["ended_at"], range_.timezone) for row in _by_end(rows) if row["kind"] == SessionKind.DOSING
    ]
    points: dict[tuple[str, str], list[Point]] = {}
    for row in sorted(rows["assessments"], key=_by_time):
        key = row["instrument"], row["instrument_version"]
        points.setdefault(key, []).append(_point(row, dosing_days, range_.timezone))
    first = dosing_days[0] if dosing_days else None
    found = {key: measure(of_key, library.instrument(*key), first, range_.from_on) for key, of_key in points.items()}
    return {key: each for key, each in found.items() if each.points}


def check_in_days(rows: Rows, timezone: str) -> list[CheckInDay]:
    """Return the days that have check-ins, with the means of their values, in ascending order."""
    return by_day((local_day(row["taken_at"], timezone), row) for row in sorted(rows["check_ins"], key=_by_time))


def _by_end(rows: Rows) -> list[Row]:
    return sorted(rows["sessions"], key=itemgetter("ended_at", "id"))


def _point(row: Row, dosing_days: Iterable[date], timezone: str) -> Point:
    day = local_day(row["taken_at"], timezone)
    latest = max((each for each in dosing_days if each <= day), default=None)
    return Point(
        assessment_id=row["id"],
        day=day,
        total=row["total"],
        band=row["band"],
        scoring=row["scoring"],
        timepoint=row["timepoint"],
        days_since_dosing=None if latest is None else (day - latest).days,
    )


def _measure(code: str, version: str, found: Measure, library: Library) -> Row:
    instrument = library.instrument(code, version)
    return {
        "instrument": code,
        "version": version,
        "direction": None if instrument is None else instrument.direction,
        "points": [each._asdict() for each in found.points],
        "baseline": _members(found.baseline),
        "latest": _members(found.latest),
        "change": _members(found.change),
    }


def _members(value: Any) -> dict[str, Any] | None:
    return None if value is None else value._asdict()


def _changes(items: Iterable[Row]) -> Row:
    counts = Counter((row["change"], _group(row["status"])) for row in items)
    groups = ("open", "completed", "ended")
    return {change.value: {group: counts[change, group] for group in groups} for change in ActionItemChange}


def _group(status: str) -> str:
    if status == ActionItemStatus.COMPLETED:
        return "completed"
    return "open" if status in OPEN else "ended"


def _domains(rows: Rows, practices: Iterable[LoggedPractice], range_: Range) -> list[Row]:
    reflections = Counter(domain for row in rows["reflections"] for domain in row["domains"])
    intentions = Counter(row["domain"] for row in rows["intentions"])
    days = practice_days(practices, range_)
    return [
        {
            "domain": domain,
            "reflections": reflections[domain],
            "intentions": intentions[domain],
            "practice_days": len(days[domain]),
        }
        for domain in Domain
    ]


def _goals(rows: Rows, range_: Range) -> Row:
    goals: dict[UUID, Goal] = {
        row["id"]: Goal(row["weight"], row["baseline"]) for row in rows["goals"] if row["scale"] is not None
    }
    ordered = sorted(rows["levels"], key=itemgetter("day", "created_at", "id"))
    levels = [Level(row["intention_id"], row["day"], row["level"]) for row in ordered]
    found = attainment(goals, levels, range_.from_on)
    return {
        "t": found.t,
        "baseline_t": found.baseline_t,
        "count": found.count,
        "points": [each._asdict() for each in found.points],
    }
