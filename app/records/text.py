"""Words, numbers and lists as records hold them. Lengths are in code points; text keeps what was sent, byte for byte.

NUL is refused, since PostgreSQL cannot keep it; lone surrogates, since UTF-8 cannot say them. A number is a JSON
number: neither `"5"` nor `true` is one, and an integer has no fraction.
"""

from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_NO_NUL: Final = r"^[^\x00]*$"

Short = Annotated[str, Field(max_length=200, pattern=_NO_NUL)]
Line = Annotated[str, Field(max_length=500, pattern=_NO_NUL)]
Paragraph = Annotated[str, Field(max_length=2_000, pattern=_NO_NUL)]
Words = Annotated[str, Field(max_length=20_000, pattern=_NO_NUL)]
Pages = Annotated[str, Field(max_length=100_000, pattern=_NO_NUL)]
Emotion = Annotated[str, Field(min_length=1, max_length=50, pattern=_NO_NUL)]

ZeroToTen = Annotated[int, Field(strict=True, ge=0, le=10)]
Valence = Annotated[int, Field(strict=True, ge=-2, le=2)]

_LEAST: Final = Decimal("0.001")
_MOST: Final = Decimal("99999.999")


def _read_dose(value: object) -> Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and _LEAST <= value <= _MOST:
        dose = Decimal(value).quantize(_LEAST)
        if dose == value:
            return dose
    message = "Give a number from 0.001 to 99999.999 with at most three decimal places."
    raise PydanticCustomError("dose", message)


Dose = Annotated[
    Decimal, PlainValidator(_read_dose), WithJsonSchema({"type": "number", "minimum": 0.001, "maximum": 99_999.999})
]
