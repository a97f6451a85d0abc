"""Cursors of a clinic's pull: opaque strings that contain the number of the last change before a page."""

import base64
import binascii
import struct
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.clinics.tables import Purpose
from app.db import Row
from app.ids import make_id

FIRST: Final = "0"
"""The cursor before the first change."""
_FORM: Final = struct.Struct(">16sBIQ?Q")
_TEXT_LENGTH: Final = 51
_PURPOSES: Final = tuple(Purpose)


class Position(NamedTuple):
    """The content of a cursor: a position in a clinic's changes. Only clients with the same `purpose` can use it.

    `number` is the number of the last change before this position. `from_zero` is true if the pull started with the
    cursor `0`; then `floor` is the clinic's floor when the pull started. Such a pull does not need the removals that
    were purged before it started.
    """

    clinic_id: UUID
    purpose: Purpose
    epoch: int
    number: int
    from_zero: bool = False
    floor: int = 0

    def is_served(self, clinic: Row, purpose: Purpose) -> bool:
        """Return whether a client of `clinic` with `purpose` can continue a pull at this position.

        It cannot if the position was issued for another clinic, purpose or epoch, or if a removal after it was purged.
        """
        if (self.clinic_id, self.purpose, self.epoch) != (clinic["id"], purpose, clinic["epoch"]):
            return False
        is_known = self.number >= clinic["floor"] or (self.from_zero and self.floor == clinic["floor"])
        return is_known and self.number <= clinic["head"]

    def text(self) -> str:
        """Return the cursor for this position."""
        packed = _FORM.pack(
            self.clinic_id.bytes,
            _PURPOSES.index(self.purpose),
            self.epoch,
            self.number,
            self.from_zero,
            self.floor,
        )
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def parse(text: str) -> Position | None:
    """Return the position of a cursor; None for the cursor `0`. Raise `ValueError` if the cursor is not valid."""
    if text == FIRST:
        return None
    try:
        clinic_id, purpose, *numbers = _FORM.unpack(base64.b64decode(text.encode("ascii") + b"=", b"-_", validate=True))
        position = Position(make_id(clinic_id), _PURPOSES[purpose], *numbers)
    except (ValueError, binascii.Error, struct.error, IndexError):
        position = None
    if position is None or position.text() != text or position.number >= 2**63:
        message = "Send 0, or the cursor that a pull returned."
        raise PydanticCustomError("cursor", message)
    return position


Since = Annotated[
    str,
    AfterValidator(lambda value: (parse(value) and value) or value),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _TEXT_LENGTH, "pattern": "^[A-Za-z0-9_-]+$"}),
]
