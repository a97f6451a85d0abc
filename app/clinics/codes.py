"""Codes that people read aloud or type: 12 characters of Crockford's base 32, shown in three groups of four.

Case and dashes are ignored, and the letters O, I and L, which no code contains, are read as 0 and 1.
"""

import re
import secrets
from typing import Final

LENGTH: Final = 12
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_code = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}").fullmatch


def new_code() -> str:
    """Return a new random code (60 bits), without dashes."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def show(code: str) -> str:
    """Return a code in three groups of four, separated by dashes."""
    return "-".join(code[at : at + 4] for at in range(0, LENGTH, 4))


def normalize(text: str) -> str | None:
    """Return the code in a text that a person typed, without dashes; None if the text is not a code."""
    code = text.replace("-", "").upper().translate(_LOOKALIKES)
    return code if _code(code) else None
