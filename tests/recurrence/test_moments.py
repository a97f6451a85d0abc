"""The moment of a time of day in a time zone: by RFC 5545, section 3.3.5."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from app.recurrence import instant, local_day

ZONES = [
    "Africa/Casablanca",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
    "UTC",
]
QUARTER = timedelta(minutes=15)
zones = st.sampled_from(ZONES)
# in half of the cases a day on which clocks change somewhere
days = st.dates(date(1990, 1, 1), date(2060, 1, 1)) | st.sampled_from(
    [
        date(2011, 12, 30),  # Apia skips this day
        *(date(year, month, day) for year in (2026, 2027) for month in (3, 4, 9, 10, 11) for day in range(1, 31)),
    ]
)
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 29, 30, 45, 59]))


@settings(max_examples=1_500, deadline=None, database=None, derandomize=True)
@given(day=days, at=times, zone=zones)
def test_a_time_of_day_is_the_first_moment_at_which_clocks_show_it(day: date, at: time, zone: str) -> None:
    asked = datetime.combine(day, at)
    moment = instant(day, at, zone)
    local = moment.astimezone(ZoneInfo(zone))
    skipped = local.replace(tzinfo=None) - asked
    if skipped:
        # clocks never show it: the offset is the one before the gap, and the moment is as long after the gap's begin
        before = (moment - skipped).astimezone(ZoneInfo(zone)).utcoffset()
        after = local.utcoffset()
        assert before is not None
        assert after is not None
        assert skipped == after - before > timedelta(0)
    else:
        earlier = [(moment - n * QUARTER).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for n in range(1, 97)]
        assert asked not in earlier
        assert local_day(moment, zone) == day
