"""Cursors of a pull: the number to keep between pulls, and the text that continues one that has more pages.

The text says where the next page begins, whether the pull began at 0, the floor when it began, and its collections. A
pull that began at 0 never needed the tombstones that were purged before, so its pages are served below the floor too,
until another purge: then it would miss removals, and begins again.
"""

import base64
import re
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.problems import Fault, Invalid
from app.records.codec import EPOCH_SHIFT

_LONGEST: Final = 400
_number = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII).fullmatch
_text = re.compile(r"([1-9][0-9]{0,15}) ([01]) ([0-9]{1,13}) ([a-z,-]*)", re.ASCII).fullmatch


class Place(NamedTuple):
    """Where a page begins: after a version; a page that continues a pull knows how the pull began."""

    version: int
    from_zero: bool = False
    floor: int = 0
    collections: tuple[str, ...] = ()
    is_between_pulls: bool = True

    def is_served(self, epoch: int, head: int, floor: int) -> bool:
        """Say whether the feed can tell everything that happened since."""
        known, seq = divmod(self.version, EPOCH_SHIFT)
        if self.version == 0:
            return True
        return known == epoch and seq <= head and (seq >= floor or (self.from_zero and self.floor == floor))

    def continued(self, version: int, floor: int) -> str:
        """Return the text that continues the pull after a version."""
        began = self if self.from_zero or self.version else self._replace(from_zero=True, floor=floor)
        spelled = f"{version} {began.from_zero:d} {began.floor} {','.join(self.collections)}"
        return base64.urlsafe_b64encode(spelled.encode()).decode().rstrip("=")


def _read(value: str) -> Place:
    if _number(value) and int(value) < 2**53:
        return Place(int(value))
    try:
        spelled = base64.urlsafe_b64decode(value[:_LONGEST].encode("ascii") + b"==").decode("ascii")
    except ValueError:
        spelled = ""
    found = _text(spelled)
    if found is None or base64.urlsafe_b64encode(spelled.encode()).decode().rstrip("=") != value:
        message = "Give 0, or the cursor that a pull answered with."
        raise PydanticCustomError("cursor", message)
    version, from_zero, floor, collections = found.groups()
    return Place(
        int(version), from_zero == "1", int(floor), tuple(filter(None, collections.split(","))), is_between_pulls=False
    )


def place_of(value: str, collections: tuple[str, ...]) -> Place:
    """Return where a cursor stands, if it is one of a pull of these collections."""
    place = _read(value)
    if not place.is_between_pulls and place.collections != collections:
        raise Invalid(Fault("/since", "other-collections", "This cursor continues a pull of other collections."))
    return place._replace(collections=collections)


Since = Annotated[
    str,
    AfterValidator(lambda value: _read(value) and value),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _LONGEST, "pattern": "^[A-Za-z0-9_-]+$"}),
]
