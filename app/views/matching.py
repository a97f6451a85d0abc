"""Matching: tests whether all terms of a search occur in a record's texts, and cuts a snippet out of a matching text.

A term matches as a substring. Case is ignored. Texts are compared in the Unicode normalization form C (NFC). No
character has a special meaning.
"""

import re
from collections.abc import Iterable
from itertools import accumulate
from typing import Final
from unicodedata import combining, normalize

MAX_SNIPPET: Final = 160
_BEFORE: Final = 40
"""The maximum number of characters before the match in a snippet."""
_CUT: Final = "…"
_escaped: Final = re.compile(r'["\\\x00-\x1f\x7f]').search


def fold(text: str) -> str:
    """Return a text in the form in which texts are compared: normalized to NFC and case-folded."""
    return text.casefold() if text.isascii() else normalize("NFC", text).casefold()


class Terms:
    """The terms of a search: words or parts of words, all of which must occur in a matching record."""

    def __init__(self, query: str) -> None:
        """Split a query into its terms, which are separated by blanks."""
        self._terms = list(dict.fromkeys(fold(query).split()))
        self._are_plain = not any(combining(term[0]) or _escaped(term) for term in self._terms)

    def may_occur(self, document: str) -> bool:
        """Return whether all terms may occur in a record. `document` is the record as JSON text, which is not parsed.

        Because of this quick test, most records are not parsed. It returns True for every record if a term has a
        character that JSON escapes, or begins with a combining mark. The reason for the latter: if the mark follows an
        escape in the JSON text, NFC could compose the mark with the escape's last character.
        """
        if not self._are_plain:
            return True
        folded = fold(document)
        return all(term in folded for term in self._terms)

    def match(self, texts: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
        """Return the name and a snippet of the text that contains the most terms.

        Return None if one of the terms occurs in none of the texts. `texts` are pairs of a name and a text.
        """
        folded = [(name, text, fold(text)) for name, text in texts]
        found = [{term for term in self._terms if term in each} for _, _, each in folded]
        if len(set().union(*found)) < len(self._terms):
            return None
        best = max(range(len(found)), key=lambda number: len(found[number]))
        name, text, compared = folded[best]
        return name, snippet(text, compared, min((compared.index(term), len(term)) for term in found[best]))


def snippet(text: str, compared: str, match: tuple[int, int]) -> str:
    """Return the part of a text around a match.

    `compared` is the result of `fold` for the text, and `match` is the position and length of the match in it. Line
    breaks become blanks. An ellipsis marks each end at which the text was cut.
    """
    text = normalize("NFC", text)
    start, length = match
    if len(text) != len(compared):  # case folding replaced a character by several, such as ß by ss
        ends = [*accumulate(len(character.casefold()) for character in text)]
        first = next(number for number, end in enumerate(ends) if end > start)
        last = next(number for number, end in enumerate(ends) if end >= start + length)
        start, length = first, last - first + 1
    begin = max(0, start - _BEFORE)
    end = min(len(text), max(begin + MAX_SNIPPET, start + length))
    if begin:  # move to the beginning of a word; below, move the end to the end of a word
        begin = 1 + max(begin - 1, text.find(" ", begin, start))
    if end < len(text) and (blank := text.rfind(" ", start + length, end)) >= 0:
        end = blank
    part = " ".join(text[begin:end].split())
    return f"{_CUT if begin else ''}{part}{_CUT if end < len(text) else ''}"
