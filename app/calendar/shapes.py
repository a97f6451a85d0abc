"""The request and response shapes of calendar links."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.calendar import examples
from app.clock import Instant
from app.identity.fields import Name
from app.ids import Id
from app.openapi import example

Titles = Annotated[bool, Field(strict=True)]


class CalendarLinkDraft(BaseModel, json_schema_extra=example(examples.DRAFT)):
    """The body of a request that creates a calendar link."""

    model_config = ConfigDict(extra="forbid")

    label: Name | None = Field(None, description="A name for the link, such as that of the calendar app.")
    titles: Titles = Field(
        default=False,
        description="Whether the events have the titles of their records. If false, events are called Practice, "
        "Appointment or To do.",
    )


class _CalendarLink(BaseModel, defer_build=True):
    id: Id = Field(description="The link's id.")


class CalendarLinkWithUrl(_CalendarLink, json_schema_extra=example(examples.NEW_LINK)):
    """A new calendar link, with its URL."""

    url: str = Field(description="The secret URL of the calendar. No later response contains it.")
    label: str | None = Field(description="The name of the link, or null.")
    titles: bool = Field(description="Whether the events have the titles of their records.")
    created_at: Instant = Field(description="When the link was created.")


class CalendarLink(_CalendarLink, json_schema_extra=example(examples.LINK)):
    """A calendar link, without its URL."""

    label: str | None = Field(description="The name of the link, or null.")
    titles: bool = Field(description="Whether the events have the titles of their records.")
    created_at: Instant = Field(description="When the link was created.")
    last_used_at: Instant | None = Field(
        description="When a calendar app last requested the calendar; null if none has done so yet."
    )


class CalendarLinkList(BaseModel, defer_build=True, json_schema_extra=example(examples.LINKS)):
    """The calendar links of the account."""

    items: list[CalendarLink] = Field(description="The links, newest first.")
