"""The query parameters that views share: a time zone, a moment, and a range of days."""

from datetime import date, datetime
from typing import Final

from pydantic import Field

from app import clock
from app.clock import Day, Instant, Timezone
from app.http import QueryModel
from app.problems import Fault, Invalid
from app.records import View

MAX_DAYS: Final = 366
"""The maximum number of days in a range."""


class ZonedQuery(QueryModel):
    """The query parameters of a view that shows days: the time zone in which days begin and end."""

    timezone: Timezone | None = Field(
        None, description="The IANA time zone in which days begin and end; by default that of the account."
    )

    def zone(self, view: View) -> str:
        """Return the time zone of the query; without one, return the time zone of the account.

        The caller must be authenticated already: authentication reads the account's time zone.
        """
        return self.timezone or view.timezone


class MomentQuery(ZonedQuery):
    """The query parameters of a view that is computed for one moment: `as_of` and the time zone."""

    as_of: Instant | None = Field(None, description="The moment for which the view is computed; by default now.")

    def moment(self) -> datetime:
        """Return `as_of`, by default the current time."""
        return self.as_of or clock.now()


def check_range(first: date, last: date) -> None:
    """Raise `Invalid` if a range of days, both included, ends before it begins or has more than 366 days."""
    if last < first:
        raise Invalid(Fault("/to", "to-before-from", "Send a `to` that is not before `from`."))
    if (last - first).days >= MAX_DAYS:
        raise Invalid(Fault("/to", "range-too-long", f"Send a range of at most {MAX_DAYS} days."))


FIRST_DAY: Final = "The first day, in the time zone."
LAST_DAY: Final = "The last day, in the time zone, included. The range has at most 366 days."


class RangeQuery(ZonedQuery):
    """The query parameters of a view of a range of days. Both bounds of the range are optional."""

    from_: Day | None = Field(None, alias="from", description=FIRST_DAY)
    to: Day | None = Field(None, description=LAST_DAY)

    def check(self) -> None:
        """Raise `Invalid` if both bounds were sent and they are not a valid range."""
        if self.from_ is not None and self.to is not None:
            check_range(self.from_, self.to)
