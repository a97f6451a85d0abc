"""Passwords that everybody tries first: a word of the list with digits or signs around it, a run of keys, one repeat, a
date or another number, be it with a few letters.

The list is short on purpose: Argon2 and the throttles make guessing slow, and this takes away the first few guesses.
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
_SHORTEST_RUN: Final = 4
_LOOKS_LIKE: Final = str.maketrans("@4301!5$7", "aaeoiisst")
_REPEATED: Final = re.compile(r"(.{1,6})\1+.{0,3}", re.DOTALL).fullmatch
_LONGEST_NUMBER: Final = 12
_NUMBER: Final = re.compile(r"\d*(\D{0,3}|\D\d{1,2}\D)\d*").fullmatch
_around: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def is_common(password: str) -> bool:
    """Say whether a password is one of the first that anybody would try."""
    folded = password.casefold()
    core = _around.sub("", folded)
    spelled = {core, core.translate(_LOOKS_LIKE)}
    return (
        _REPEATED(folded) is not None
        or (len(folded) <= _LONGEST_NUMBER and _NUMBER(folded) is not None)
        or any(folded in run for run in _RUNS)
        or any(word in _WORDS or any(len(word) >= _SHORTEST_RUN and word in run for run in _RUNS) for word in spelled)
    )
