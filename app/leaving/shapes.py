"""The request and response shapes of closing an account, with their examples."""

from typing import Final

from pydantic import BaseModel, Field, StrictBool

from app.clock import Day
from app.identity.fields import GivenPassword
from app.identity.shapes import Shape
from app.openapi import Example, example

CLOSING: Final[Example] = {"password": "not-her-password", "immediately": False}
"""The example of `ClosingDraft`. Its password is wrong, so that the example does not close the demo account."""
CLOSED: Final[Example] = {"erased_on": "2026-12-12"}


class ClosingDraft(Shape, json_schema_extra=example(CLOSING)):
    """The body of a request that closes an account: the password, and when to erase the account."""

    password: GivenPassword = Field(description="The account's password.")
    immediately: StrictBool = Field(
        default=False, description="Whether to erase the account now. Then it cannot be reopened."
    )


class Closing(BaseModel, defer_build=True, json_schema_extra=example(CLOSED)):
    """The day on which a closed account is erased."""

    erased_on: Day = Field(description="The day of the erasure, in UTC. Until then the account can be reopened.")
