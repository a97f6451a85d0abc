"""Three weeks of Ilse, an invented person: practices and their entries, check-ins, questionnaires and outcomes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from app.demo.drafts import Days, NamedDraft, assessment, check_in, outcome, practice, practice_entry

_DAILY: Final = "FREQ=DAILY"
_ENTRY_EXTRAS: Final[Mapping[tuple[str, int], Mapping[str, Any]]] = {
    ("window", -20): {"note": "No breakfast, no window. The day had enough in it."},
    ("window", -16): {"minutes": 6, "difficulty": 6, "note": "The kettle called, and I went."},
    ("window", -6): {"difficulty": 3, "note": "Planned the whole week. Noticed halfway, and looked at the tree."},
    ("window", -1): {"difficulty": 2},
    ("river", -12): {"minutes": 15, "note": "Rain. To the bridge and back."},
    ("river", -5): {"note": "The heron again."},
    ("his chair", -7): {"difficulty": 8, "note": "The sums on the envelope. That they would not come out."},
    ("his chair", -5): {"difficulty": 7, "note": "Began, and told it from my own chair after all."},
    ("his chair", -1): {"difficulty": 4, "note": "The silence after I asked. That I would stop asking."},
    ("coffee", -7): {"minutes": 20, "note": "Hanna had a fever, so we telephoned."},
}
"""The additional fields of some practice entries, by the name of the practice and the day, in days from today."""
_CHECK_INS: Final = (
    (-21, 8, 3, 7, 3, 3, 4, 330),
    (-19, 8, 5, 5, 4, 5, 5, 420),
    (-17, 21, 4, 6, 4, 4, 4, 375),
    (-14, 8, 5, 6, 4, 5, 5, 400),
    (-12, 22, 4, 6, 3, 4, 5, 360),
    (-10, 7, 6, 5, 5, 5, 5, 410),
    (-8, 9, 6, 4, 4, 7, 6, 465),
    (-6, 8, 6, 4, 5, 6, 7, 430),
    (-5, 21, 7, 3, 6, 7, 7, 440),
    (-3, 22, 7, 4, 6, 6, 8, 415),
)
"""The check-ins: the day, in days from today, the hour, and the values of the fields in `_VALUES`."""
_VALUES: Final = ("mood", "anxiety", "energy", "sleep", "connectedness", "sleep_minutes")
_CHECK_IN_EXTRAS: Final[Mapping[int, Mapping[str, Any]]] = {
    -8: {
        "session_id": "second session",
        "side_effects": ["headache", "drowsiness"],
        "note": "A slow head, and a wide one.",
    },
    -3: {"note": "After the call. Wide awake, and not from worry."},
}
"""The additional fields of some check-ins, by the day, in days from today."""


def three_weeks(days: Days) -> Iterator[NamedDraft]:
    """Yield the drafts of the records of the three weeks before today."""
    yield from _practices(days)
    yield from _entries(days)
    for day, hour, *values in _CHECK_INS:
        fields = {**dict(zip(_VALUES, values, strict=True)), **_CHECK_IN_EXTRAS.get(day, {})}
        yield check_in(f"day {day}", taken_at=days.at(day, hour, 10), **fields)
    yield from _assessments(days)
    yield from _outcomes(days)


def _schedule(from_on: str, rule: str | None = None, times_per_week: int | None = None) -> list[dict[str, Any]]:
    """Return a schedule of one span."""
    return [{"from_on": from_on, "rule": rule, "times_per_week": times_per_week}]


def _practices(days: Days) -> Iterator[NamedDraft]:
    yield practice(
        "window",
        title="Ten minutes by the window, without a phone",
        details="Sit down before the house wakes up. When I plan, I notice it, and look at the tree again.",
        change="internal",
        domain="mind",
        intention_id="let it come",
        minutes=10,
        at="07:30",
        schedule=_schedule(days.on(-21), _DAILY),
        pauses=[{"from_on": days.on(-9), "until_on": days.on(-8)}],
    )
    yield practice(
        "river",
        title="Walk along the river",
        change="external",
        domain="nature",
        minutes=35,
        schedule=_schedule(days.on(-21), times_per_week=3),
    )
    yield practice(
        "phone in the hall",
        title="The phone stays in the hall until eight",
        change="external",
        domain="lifestyle",
        intention_id="slow mornings",
        at="06:45",
        schedule=_schedule(days.on(-8), _DAILY),
    )
    yield practice(
        "his chair",
        title="One thing that he did, seen from his chair",
        details="Only one, and only what he may have been afraid of.",
        change="internal",
        domain="relationships",
        intention_id="see him trying",
        action_item_id="innocent",
        minutes=5,
        at="21:00",
        schedule=_schedule(days.on(-7), _DAILY),
    )
    yield practice(
        "coffee",
        title="Coffee with Hanna, phones away",
        change="external",
        domain="relationships",
        minutes=60,
        at="16:00",
        schedule=_schedule(days.on(-21), "FREQ=WEEKLY"),
    )
    yield practice(
        "drawing",
        title="Draw, when there is an evening for it",
        change="external",
        domain="spirit",
        schedule=_schedule(days.on(-14)),
    )


def _entries(days: Days) -> Iterator[NamedDraft]:
    yield from _logged(
        days,
        "window",
        done=(-21, -19, -18, -17, -15, -14, -13, -11, -10, -7, -6, -5, -4, -3, -1),
        partly=(-16, -12),
        skipped=(-20,),
    )
    yield from _logged(days, "river", done=(-21, -19, -17, -14, -11, -10, -7, -5, -4, -2), partly=(-12,))
    yield from _logged(days, "phone in the hall", done=(-8, -7, -5, -4, -3, -1), skipped=(-6,))
    yield from _logged(days, "his chair", done=(-7, -6, -4, -3, -1), partly=(-5,))
    yield from _logged(days, "coffee", done=(-21, -14), partly=(-7,))


def _logged(
    days: Days, name: str, *, done: Iterable[int], partly: Iterable[int] = (), skipped: Iterable[int] = ()
) -> Iterator[NamedDraft]:
    """Yield the drafts of a practice's entries. `done`, `partly` and `skipped` are the days with this outcome."""
    for result, logged in (("done", done), ("partly", partly), ("skipped", skipped)):
        for day in logged:
            fields = {"practice_id": name, "day": days.on(day), "outcome": result, **_ENTRY_EXTRAS.get((name, day), {})}
            yield practice_entry(f"{name}, day {day}", **fields)


def _assessments(days: Days) -> Iterator[NamedDraft]:
    about: Final = {"session_id": "second session"}
    taken: Final[tuple[tuple[str, dict[str, str], list[int], list[int]], ...]] = (
        (
            "baseline",
            {"timepoint": "baseline", "taken_at": days.at(-22, 20)},
            [2, 2, 2, 2, 1, 2, 2, 2, 0, 2],
            [2, 2, 2, 2, 1, 2, 1, 2],
        ),
        (
            "before the second session",
            about | {"timepoint": "before-session", "taken_at": days.at(-10, 20)},
            [1, 2, 2, 1, 1, 2, 1, 1, 0, 1],
            [1, 2, 1, 2, 1, 1, 1, 1],
        ),
        (
            "after the second session",
            about | {"timepoint": "after-session", "taken_at": days.at(-2, 19, 30)},
            [1, 1, 2, 1, 0, 1, 1, 0, 0, 1],
            [1, 1, 1, 1, 1, 1, 0, 1],
        ),
    )
    for name, fields, phq_9, gad_7 in taken:
        for instrument, answers in (("phq-9", phq_9), ("gad-7", gad_7)):
            yield assessment(f"{instrument}, {name}", instrument=instrument, answers=answers, **fields)
    yield assessment(
        "who-5, not finished",
        instrument="who-5",
        answers=[3, 2, None, None, None],
        status="in-progress",
        taken_at=days.at(-15, 21),
    )


def _outcomes(days: Days) -> Iterator[NamedDraft]:
    yield outcome(
        "first mornings",
        day=days.on(-6),
        intention_id="slow mornings",
        level=-1,
        level_text="The phone is in the hall on two mornings of a week",
        achievement="improving",
    )
    yield outcome(
        "gutters",
        day=days.on(-6),
        intention_id="see him trying",
        level=-1,
        level_text="I fill the silence for him",
        note="He had just come in from the garden, and I talked about gutters.",
    )
    yield outcome(
        "the call",
        day=days.on(-3),
        intention_id="see him trying",
        level=0,
        level_text="I let one silence be, and wait",
        achievement="improving",
        note="I counted the tiles instead of helping him. He said it by himself.",
    )
    yield outcome(
        "five mornings",
        day=days.on(-1),
        intention_id="slow mornings",
        level=0,
        level_text="The phone is in the hall on five mornings of a week",
        achievement="improving",
    )
    yield outcome(
        "his chair",
        day=days.on(-1),
        intention_id="see him trying",
        action_item_id="innocent",
        practice_id="his chair",
        level=1,
        level_text="I let it be each time, and hear what comes after it",
        note="Twice in one call. The second time he asked how I was.",
    )
    yield outcome(
        "three weeks at the window",
        day=days.on(-1),
        practice_id="window",
        achievement="improving",
        note="I see planning now before it has a plan.",
    )
