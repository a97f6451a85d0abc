"""Cursors of a pull: strings that are opaque to clients.

The cursor of the last page of a pull is a version: the next pull returns the changes after it. The cursor of any other
page contains the version after which the next page starts, whether the pull started from 0, the floor at the start of
the pull, and the pull's collections. A pull that started from 0 does not need the tombstones that were purged before
its start, so all its pages are served, even if the page's version is below the floor. If the floor rises during the
pull, the pull could miss removals, and must start again.
"""

import base64
import re
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.problems import Fault, Invalid
from app.records.codec import EPOCH_SHIFT

_MAX_LENGTH: Final = 400
_number = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII).fullmatch
_fields = re.compile(r"([1-9][0-9]{0,15}) ([01]) ([0-9]{1,13}) ([a-z,-]*)", re.ASCII).fullmatch


class Position(NamedTuple):
    """The content of a cursor: the version after which a page starts, and how the pull of this page started.

    `from_zero` is true if the pull started from 0; `floor` is the floor at its start. `starts_pull` is true if the page
    is the first of its pull.
    """

    version: int
    from_zero: bool = False
    floor: int = 0
    collections: tuple[str, ...] = ()
    starts_pull: bool = True

    def is_served(self, epoch: int, head: int, floor: int) -> bool:
        """Return whether the feed, with this epoch, head and floor, still has all changes that the page needs."""
        known, seq = divmod(self.version, EPOCH_SHIFT)
        if self.version == 0:
            return True
        return known == epoch and seq <= head and (seq >= floor or (self.from_zero and self.floor == floor))

    def continued(self, version: int, floor: int) -> str:
        """Return the cursor, as text, of the pull's next page, which starts after `version`."""
        start = self if self.from_zero or self.version else self._replace(from_zero=True, floor=floor)
        text = f"{version} {start.from_zero:d} {start.floor} {','.join(self.collections)}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parse(value: str) -> Position:
    if _number(value) and int(value) < 2**53:
        return Position(int(value))
    try:
        text = base64.urlsafe_b64decode(value[:_MAX_LENGTH].encode("ascii") + b"==").decode("ascii")
    except ValueError:
        text = ""
    found = _fields(text)
    if found is None or base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") != value:
        message = "Send 0, or the cursor that a pull returned."
        raise PydanticCustomError("cursor", message)
    version, from_zero, floor, collections = found.groups()
    return Position(
        int(version), from_zero == "1", int(floor), tuple(filter(None, collections.split(","))), starts_pull=False
    )


def position_of(value: str, collections: tuple[str, ...]) -> Position:
    """Return the position in a cursor; raise `Invalid` if the cursor continues a pull of other collections."""
    position = _parse(value)
    if not position.starts_pull and position.collections != collections:
        raise Invalid(Fault("/since", "other-collections", "This cursor continues a pull of other collections."))
    return position._replace(collections=collections)


Since = Annotated[
    str,
    AfterValidator(lambda value: _parse(value) and value),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _MAX_LENGTH, "pattern": "^[A-Za-z0-9_-]+$"}),
]
