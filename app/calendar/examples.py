"""The examples of the calendar in the OpenAPI document: links of the demo's person, and the beginning of a calendar."""

from typing import Any, Final

from app.openapi import removable_id

Example = dict[str, Any]
SECRET: Final = "YW4gZXhhbXBsZSBvZiBhIGNhbGVuZGFyIHNlY3JldC4"  # noqa: S105 - the demo's, published on purpose
FILE: Final = f"{SECRET}.ics"
LINK_ID: Final = "019aa2c4-7b00-7000-8000-00000000ca1e"
DRAFT: Final[Example] = {"label": "Calendar of my phone", "titles": False}
NEW_LINK: Final[Example] = {
    "id": "019aa2c4-7b00-7000-8000-00000000ca1f",
    "url": "https://afterglow.example.com/v1/calendar/aNWv8xyFt3RBwQf0SXmGNhz2kLbTIEcodVYPjO7Ugr4.ics",
    **DRAFT,
    "created_at": "2026-11-22T18:40:12.504118Z",
}
LINK: Final[Example] = {
    "id": LINK_ID,
    "label": "Calendar of my laptop",
    "titles": True,
    "created_at": "2026-11-22T18:40:12.504118Z",
    "last_used_at": None,
}
LINKS: Final[Example] = {"items": [LINK]}
REMOVABLE_ID: Final = removable_id(LINK_ID)
CALENDAR: Final = """\
BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//Afterglow//Calendar//EN\r
CALSCALE:GREGORIAN\r
NAME:Afterglow\r
X-WR-CALNAME:Afterglow\r
REFRESH-INTERVAL;VALUE=DURATION:PT6H\r
BEGIN:VEVENT\r
UID:019aa2c4-7b00-7000-8000-000000000006-2026-11-20@afterglow.example.com\r
DTSTART:20261120T063000Z\r
SUMMARY:Practice\r
DURATION:PT10M\r
DTSTAMP:20261102T062114Z\r
END:VEVENT\r
END:VCALENDAR\r
"""
"""The beginning of a calendar without titles, with one event."""
