"""Instants as texts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.clock import format_instant, format_instants

BERLIN = ZoneInfo("Europe/Berlin")


def test_the_two_instants_of_a_time_that_clocks_show_twice_differ() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    assert format_instant(first) == "2026-10-25T00:30:00.000000Z"
    assert format_instant(first.replace(fold=1)) == "2026-10-25T01:30:00.000000Z"


def test_texts_of_one_and_of_many_instants_are_the_same() -> None:
    moments = [datetime(2026, 11, 22, 10, tzinfo=UTC) + timedelta(microseconds=each) for each in (0, 1, 500_000)]
    assert format_instants(moments) == [format_instant(moment) for moment in moments]
