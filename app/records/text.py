"""The types of text and numbers in records. The number in the name of a type of text is its maximum length in code points.

Text is stored exactly as sent. NUL is refused, because PostgreSQL cannot store it; lone surrogates are refused, because
UTF-8 cannot encode them. A number must be a JSON number: `"5"` and `true` are refused, and an integer has no fraction.
"""

from decimal import Decimal
from typing import Annotated, Any, Final, get_args

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_NO_NUL: Final = r"^[^\x00]*$"


class Sealed:
    """Marks a type of text as a person's own words, which are stored only in the sealed document, not in a column."""


def is_sealed(annotation: Any) -> bool:
    """Return whether an annotation is a type marked with `Sealed`, or a union or list that contains one."""
    parts = (*getattr(annotation, "__metadata__", ()), *get_args(annotation))
    return any(isinstance(part, Sealed) or is_sealed(part) for part in parts)


Text200 = Annotated[str, Field(max_length=200, pattern=_NO_NUL), Sealed()]
Text500 = Annotated[str, Field(max_length=500, pattern=_NO_NUL), Sealed()]
Text2000 = Annotated[str, Field(max_length=2_000, pattern=_NO_NUL), Sealed()]
Text20000 = Annotated[str, Field(max_length=20_000, pattern=_NO_NUL), Sealed()]
Text100000 = Annotated[str, Field(max_length=100_000, pattern=_NO_NUL), Sealed()]
Emotion = Annotated[str, Field(min_length=1, max_length=50, pattern=_NO_NUL), Sealed()]

ZeroToTen = Annotated[int, Field(strict=True, ge=0, le=10)]
Valence = Annotated[int, Field(strict=True, ge=-2, le=2)]

_MIN_DOSE: Final = Decimal("0.001")
_MAX_DOSE: Final = Decimal("99999.999")


def _read_dose(value: object) -> Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and _MIN_DOSE <= value <= _MAX_DOSE:
        dose = Decimal(value).quantize(_MIN_DOSE)
        if dose == value:
            return dose
    message = "Send a number from 0.001 to 99999.999 with at most three decimal places."
    raise PydanticCustomError("dose", message)


Dose = Annotated[
    Decimal, PlainValidator(_read_dose), WithJsonSchema({"type": "number", "minimum": 0.001, "maximum": 99_999.999})
]
