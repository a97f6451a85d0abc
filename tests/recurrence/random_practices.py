"""Random rules and practices."""

from datetime import date, timedelta
from random import Random
from typing import Any, Final

from hypothesis import strategies as st

Json = dict[str, Any]
WEEKDAYS: Final = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ORDINALS: Final = ["1", "2", "3", "4", "-1"]


def random_rule(random: Random) -> str:
    """Return a rule of the closed grammar, its parts after FREQ in a random order."""
    frequency = random.choice(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    parts = []
    if random.random() < 0.6:
        parts.append(f"INTERVAL={random.choice([1, 2, 3, 4, 5, 6, 7, 12, 13, 24, 99])}")
    if random.random() < 0.4:
        parts.append(f"COUNT={random.choice([1, 2, 3, 7, 10, 30, 100, 999])}")
    if frequency == "WEEKLY" and random.random() < 0.8:
        parts.append(f"BYDAY={','.join(random.sample(WEEKDAYS, random.randint(1, 7)))}")
    if frequency == "MONTHLY" and random.random() < 0.4:
        days = [f"{ordinal}{day}" for ordinal in ORDINALS for day in WEEKDAYS]
        parts.append(f"BYDAY={','.join(random.sample(days, random.randint(1, 8)))}")
    elif frequency == "MONTHLY" and random.random() < 0.7:
        days = [str(day) for day in [*range(1, 32), 29, 30, 31, -1]]
        parts.append(f"BYMONTHDAY={','.join(dict.fromkeys(random.sample(days, random.randint(1, 6))))}")
    random.shuffle(parts)
    return ";".join([f"FREQ={frequency}", *parts])


def days_near(center: date, *, before: int, after: int) -> st.SearchStrategy[date]:
    """Return a strategy for days around a day."""
    return st.integers(-before, after).map(lambda days: center + timedelta(days=days))


@st.composite
def practices(draw: st.DrawFn, center: date) -> Json:
    """Draw a practice with one to four spans and up to four pauses around a day, as its record has it (JSON)."""
    days = days_near(center, before=90, after=40)
    spans: list[Json] = [
        {"from_on": day.isoformat(), "rule": None, "times_per_week": None}
        for day in sorted(draw(st.sets(days, min_size=1, max_size=4)))
    ]
    for span in spans:
        cadence: st.SearchStrategy[Json] = st.one_of(
            st.just({}),
            st.fixed_dictionaries({"times_per_week": st.integers(1, 7)}),
            st.fixed_dictionaries({"rule": st.randoms(use_true_random=False).map(random_rule)}),
        )
        span.update(draw(cadence))
    bounds = [day.isoformat() for day in sorted(draw(st.sets(days, max_size=8)))]
    pauses = [
        {"from_on": begin, "until_on": end} for begin, end in zip(bounds[::2], [*bounds[1::2], None], strict=False)
    ]
    ends_on = draw(st.none() | st.integers(0, 120))
    return {
        "schedule": spans,
        "ends_on": ends_on
        if ends_on is None
        else (date.fromisoformat(spans[-1]["from_on"]) + timedelta(days=ends_on)).isoformat(),
        "pauses": pauses,
        "week_start": draw(st.sampled_from(["MO", "SA", "SU"])),
    }


def entries(center: date) -> st.SearchStrategy[list[tuple[date, str]]]:
    """Return a strategy for what was logged around a day: pairs of a day and an outcome, several on some days."""
    logged = st.tuples(days_near(center, before=70, after=10), st.sampled_from(["done", "done", "partly", "skipped"]))
    return st.lists(logged, max_size=60)
