"""The types of text and of numbers in records. `Text200` is text of at most 200 code points, and so on.

Text is stored exactly as sent. NUL is refused, because PostgreSQL cannot store it; lone surrogates are refused, because
UTF-8 cannot encode them. A number must be a JSON number: `"5"` and `true` are refused, and an integer has no fraction.
"""

from decimal import Decimal
from typing import Annotated, Any, Final, get_args

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

NO_NUL: Final = r"^[^\x00]*$"
"""The pattern of text without NUL, which PostgreSQL cannot store."""


class Sealed:
    """Marks a type whose values are stored only in the sealed document, not in a column."""


class Words(Sealed):
    """Marks a type of text as a person's own words. They are sealed, and written in the journal of an export."""


def is_marked(annotation: Any, mark: type[Sealed]) -> bool:
    """Return whether an annotation is a type with this mark, or a union or list that contains such a type."""
    parts = (*getattr(annotation, "__metadata__", ()), *get_args(annotation))
    return any(isinstance(part, mark) or is_marked(part, mark) for part in parts)


Text200 = Annotated[str, Field(max_length=200, pattern=NO_NUL), Words()]
Text500 = Annotated[str, Field(max_length=500, pattern=NO_NUL), Words()]
Text2000 = Annotated[str, Field(max_length=2_000, pattern=NO_NUL), Words()]
Text20000 = Annotated[str, Field(max_length=20_000, pattern=NO_NUL), Words()]
Text100000 = Annotated[str, Field(max_length=100_000, pattern=NO_NUL), Words()]
Emotion = Annotated[str, Field(min_length=1, max_length=50, pattern=NO_NUL), Words()]

PromptId = Annotated[str, Field(pattern=r"^[a-z]{2,12}-[0-9]{2}$")]
"""The id of one of the prompts that the server ships."""

ZeroToTen = Annotated[int, Field(strict=True, ge=0, le=10)]
Valence = Annotated[int, Field(strict=True, ge=-2, le=2)]
GoalLevel = Annotated[int, Field(strict=True, ge=-2, le=2)]
"""A step of a goal attainment scale: from -2, much less than expected, to 2, much more than expected."""
MinutesOfDay = Annotated[int, Field(strict=True, ge=0, le=1440)]

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
