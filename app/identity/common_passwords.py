"""Common passwords: a word of the list with digits or signs around it, a run of keys, a repetition, a date, or another
number with at most a few letters.

The list is short on purpose: Argon2 and throttling make guessing slow, so only the most likely guesses must be excluded.
"""

import re
from importlib import resources
from typing import Final

_WORDS: Final = frozenset(resources.files(__package__).joinpath("common_passwords.txt").read_text("ascii").split())
_RUNS: Final = (
    "01234567890123456789",
    "98765432109876543210",
    "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "q1w2e3r4t5y6u7i8o9p0",
    "a1b2c3d4e5f6g7h8i9j0",
    "qazwsxedcrfvtgbyhnujmikolp",
    "zaq12wsxcde34rfvbgt56yhn",
    "1qazxsw23edcvfr45tgbnhy6",
    "123qweasdzxc",
    "qwe123qweasd123asd",
)
_MIN_RUN: Final = 4
_LOOKALIKES: Final = str.maketrans("@4301!5$7", "aaeoiisst")
_REPEATED: Final = re.compile(r"(.{1,6})\1+.{0,3}", re.DOTALL).fullmatch
_MAX_NUMBER: Final = 12
_NUMBER: Final = re.compile(r"\d*(\D{0,3}|\D\d{1,2}\D)\d*").fullmatch
_around: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def is_common(password: str) -> bool:
    """Return whether a password is among the first that an attacker tries."""
    folded = password.casefold()
    core = _around.sub("", folded)
    variants = {core, core.translate(_LOOKALIKES)}
    return (
        _REPEATED(folded) is not None
        or (len(folded) <= _MAX_NUMBER and _NUMBER(folded) is not None)
        or any(folded in run for run in _RUNS)
        or any(word in _WORDS or any(len(word) >= _MIN_RUN and word in run for run in _RUNS) for word in variants)
    )
