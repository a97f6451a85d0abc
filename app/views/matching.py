"""Matching: whether all terms of a search occur in texts, and the part of a text that shows it.

Texts are compared as substrings, without case, in the Unicode normalization form C. No character has a special meaning.
"""

import re
from collections.abc import Iterable
from itertools import accumulate
from typing import Final
from unicodedata import combining, normalize

MAX_SNIPPET: Final = 160
_BEFORE: Final = 40
"""How many characters of a snippet are before the match."""
_CUT: Final = "…"
_escaped: Final = re.compile(r'["\\\x00-\x1f\x7f]').search


def fold(text: str) -> str:
    """Return a text in the form in which texts are compared."""
    return text.casefold() if text.isascii() else normalize("NFC", text).casefold()


class Terms:
    """The terms of a search."""

    def __init__(self, query: str) -> None:
        """Take the query: terms that are separated by blanks."""
        self._terms = list(dict.fromkeys(fold(query).split()))
        self._are_plain = not any(combining(term[0]) or _escaped(term) for term in self._terms)

    def may_occur(self, document: str) -> bool:
        """Return whether all terms may occur in a record, given its JSON text: a quick test, before it is parsed.

        In JSON, a text stands as it is except for escaped characters, and for a combining mark after one, which could be
        composed with the last character of the escape.
        """
        if not self._are_plain:
            return True
        folded = fold(document)
        return all(term in folded for term in self._terms)

    def match(self, texts: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
        """Return the name of the text in which most terms occur, and its snippet; None if a term occurs in none."""
        folded = [(name, text, fold(text)) for name, text in texts]
        found = [{term for term in self._terms if term in each} for _, _, each in folded]
        if len(set().union(*found)) < len(self._terms):
            return None
        best = max(range(len(found)), key=lambda number: len(found[number]))
        name, text, compared = folded[best]
        return name, snippet(text, compared, min((compared.index(term), len(term)) for term in found[best]))


def snippet(text: str, compared: str, match: tuple[int, int]) -> str:
    """Return the part of a text around a match, whose position and length are those in the compared form of the text.

    Line breaks become blanks; an ellipsis is where the text was cut.
    """
    text = normalize("NFC", text)
    start, length = match
    if len(text) != len(compared):  # some characters become several without case, such as ß
        ends = [*accumulate(len(character.casefold()) for character in text)]
        first = next(number for number, end in enumerate(ends) if end > start)
        last = next(number for number, end in enumerate(ends) if end >= start + length)
        start, length = first, last - first + 1
    begin = max(0, start - _BEFORE)
    end = min(len(text), max(begin + MAX_SNIPPET, start + length))
    if begin:  # at a word's beginning, and below at one's end, if there is one
        begin = 1 + max(begin - 1, text.find(" ", begin, start))
    if end < len(text) and (blank := text.rfind(" ", start + length, end)) >= 0:
        end = blank
    part = " ".join(text[begin:end].split())
    return f"{_CUT if begin else ''}{part}{_CUT if end < len(text) else ''}"
