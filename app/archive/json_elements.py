"""Reading the elements of one list in a large JSON document, with only one element in memory at a time.

The parser of `json_strict`, which runs in C, finds the end of each element. If the text in memory ends before the
element, the parser starts again with twice as much text.
"""

import codecs
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, Final

from app import json_strict

MAX_VALUE_BYTES: Final = 4 * 2**20
"""The maximum memory, in bytes, for text that starts with a value but does not contain its end.

Python needs one byte for each character, or four for each if the text has an emoji.
"""
MAX_MEMBERS: Final = 100
_LOOKAHEAD: Final = 4
"""A value is complete only if this many characters follow it: `1` at the end of a text may be the start of `1e+5`."""
_not_blank: Final = re.compile(r"[^ \t\r\n]").search


def elements(pieces: Iterator[bytes], name: str) -> Iterator[str]:
    """Yield the text of each element of the list that is the member `name` of the object in a UTF-8 document.

    Raise `ValueError` if the document is not valid JSON (at the latest after its last element), or has no such list.
    """
    text = _Text(pieces)
    text.take("{")
    names: set[str] = set()
    while True:
        member = text.value()[0]
        text.take(":")
        if not isinstance(member, str) or member in names or len(names) == MAX_MEMBERS:
            raise ValueError
        names.add(member)
        if member == name:
            yield from _elements(text)
        else:
            text.value()
        if text.take(",}") == "}":
            break
    if text.peek() or name not in names:
        raise ValueError


def _elements(text: "_Text") -> Iterator[str]:
    text.take("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        yield text.value()[1]
        if text.take(",]") == "]":
            return


class _Text:
    """A text of which only the part that is being parsed is in memory."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._is_complete = "", 0, False

    def peek(self) -> str:
        """Move to the next character that is not white space, and return it; an empty string at the end of the text."""
        while True:
            found = _not_blank(self._text, self._at)
            if found:
                self._at = found.start()
                return found[0]
            self._at = len(self._text)
            if self._is_complete:
                return ""
            self._read_on()

    def take(self, expected: str) -> str:
        """Return the next character and move past it; raise `ValueError` if it is not one of those in `expected`."""
        char = self.peek()
        if not char or char not in expected:
            raise ValueError
        self._at += 1
        return char

    def value(self) -> tuple[Any, str]:
        """Return the next JSON value and its text, and move past it; raise `ValueError` if it is not valid."""
        self.peek()
        while True:
            try:
                value, end = json_strict.parse_part(self._text, self._at)
            except json.JSONDecodeError:
                end = None
            if end is not None and (self._is_complete or end + _LOOKAHEAD <= len(self._text)):
                start, self._at = self._at, end
                return value, self._text[start:end]
            if self._is_complete:
                raise ValueError
            self._read_on()

    def _read_on(self) -> None:
        """Drop the text that was parsed, and read on until the rest has twice its length, or until the end.

        Raise `ValueError` if the rest already takes more than `MAX_VALUE_BYTES`.
        """
        parts = [self._text[self._at :]]
        if sys.getsizeof(parts[0]) > MAX_VALUE_BYTES:
            raise ValueError
        missing = len(parts[0]) + 1
        while missing > 0 and not self._is_complete:
            piece = next(self._pieces, None)
            self._is_complete = piece is None
            parts.append(self._decoder.decode(piece or b"", final=self._is_complete))
            missing -= len(parts[-1])
        self._text, self._at = "".join(parts), 0
