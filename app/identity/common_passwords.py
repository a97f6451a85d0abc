"""Common and personal passwords.

A common password is one of the most used passwords, a word with digits or signs around it, a sequence such as
`qwertyui` or `87654321`, a repetition, a date, or another number with at most a few letters. A personal password
consists of parts of the person's own e-mail address, with at most a date or a few other characters.

`most_used_passwords.txt` is taken from the 3 000 most used passwords in two published lists, of zxcvbn 4.5 and Django
5.2. It contains the passwords that have at least 8 characters and that the other rules do not refuse. Argon2 and
throttling make guessing slow; these rules refuse the passwords that an attacker tries first.
"""

import re
from importlib import resources
from typing import Final

_WORDS: Final = frozenset(resources.files(__package__).joinpath("common_passwords.txt").read_text("ascii").split())
_MOST_USED: Final = frozenset(
    resources.files(__package__).joinpath("most_used_passwords.txt").read_text("utf-8").split()
)
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
_PARTS: Final = re.compile(r"[^\W\d_]{3,}|\d{4,}")
_MIN_PART: Final = 3
_MAX_OTHER_LETTERS: Final = 3
_MAX_OTHERS: Final = 10
"""The maximum number of other characters in a personal password: the length of a date such as 12.03.1984."""


def is_common(password: str) -> bool:
    """Return whether a password is among the first that an attacker tries."""
    folded = password.casefold()
    core = _around.sub("", folded)
    variants = {core, core.translate(_LOOKALIKES)}
    return (
        folded in _MOST_USED
        or core in _MOST_USED
        or _REPEATED(folded) is not None
        or (len(folded) <= _MAX_NUMBER and _NUMBER(folded) is not None)
        or any(folded in run for run in _RUNS)
        or any(word in _WORDS or any(len(word) >= _MIN_RUN and word in run for run in _RUNS) for word in variants)
    )


def is_personal(password: str, email: str) -> bool:
    """Return whether a password consists of parts of an e-mail address and at most a date or a few other characters."""
    folded = password.casefold()
    local, _, domain = email.casefold().rpartition("@")
    labels = domain.split(".")[:-1]
    parts = {*_PARTS.findall(f"{local} {' '.join(labels)}"), "".join(_PARTS.findall(local)), *labels, local} - {""}
    return any(_has_few_others(text, parts) for text in (folded, folded.translate(_LOOKALIKES)))


def _has_few_others(text: str, parts: set[str]) -> bool:
    others = text
    for part in sorted(parts, key=len, reverse=True):
        others = others.replace(part, "") if len(part) >= _MIN_PART else others
    return (
        others != text
        and len(others) <= _MAX_OTHERS
        and sum(character.isalpha() for character in others) <= _MAX_OTHER_LETTERS
    )
