"""Check-ins by day."""

from datetime import date

from app.views.progress.check_ins import VALUES, by_day

DAY, NEXT = date(2026, 11, 1), date(2026, 11, 2)
NOTHING: dict[str, int | None] = dict.fromkeys(VALUES)


def test_a_value_of_a_day_is_its_mean_to_one_place_rounded_half_up() -> None:
    moods = (7, 7, 8, 7)
    found = by_day([*((DAY, NOTHING | {"mood": mood}) for mood in moods), (NEXT, NOTHING | {"mood": 3, "pain": 0})])
    assert [(each.day, each.means["mood"], each.count) for each in found] == [(DAY, 7.3, 4), (NEXT, 3.0, 1)]
    assert found[1].means["pain"] == 0


def test_a_value_that_was_not_entered_does_not_count_and_is_null_if_it_never_was() -> None:
    (found,) = by_day([(DAY, NOTHING | {"sleep_minutes": 400}), (DAY, NOTHING | {"mood": 5})])
    assert (found.means["sleep_minutes"], found.means["mood"], found.means["craving"], found.count) == (400, 5, None, 2)
