"""Reads the elements of one list in a large JSON document, with only one element in memory at a time.

The parser of `json_strict`, which runs in C, finds the end of each element. If an element does not
end within the text in memory, more text is read, at least as much as is there, and the parser starts again at the
beginning of the element.
"""

import codecs
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, Final

from app import json_strict

MAX_VALUE_BYTES: Final = 4 * 2**20
"""The maximum memory, in bytes, for the text of a value whose end has not been read yet.

Python needs one byte for each character, or four for each if the text has an emoji.
"""
MAX_MEMBERS: Final = 100
_LOOKAHEAD: Final = 4
"""The number of characters that must follow a value in memory before its end is certain.

For example, `1` at the end of the text in memory may be the start of `1e+5`.
"""
_not_blank: Final = re.compile(r"[^ \t\r\n]").search


def elements(pieces: Iterator[bytes], name: str) -> Iterator[str]:
    """Yield the JSON text of each element of a list. The list is the member `name` of the object in a JSON document.

    `pieces` are the bytes of the document in UTF-8. Raise `ValueError` if the document is not valid JSON, or does not
    have the list. An error that follows the list is raised after the last element.
    """
    text = _Text(pieces)
    text.expect("{")
    names: set[str] = set()
    while True:
        member = text.value()[0]
        text.expect(":")
        if not isinstance(member, str) or member in names or len(names) == MAX_MEMBERS:
            raise ValueError
        names.add(member)
        if member == name:
            yield from _elements(text)
        else:
            text.value()
        if text.expect(",}") == "}":
            break
    if text.peek() or name not in names:
        raise ValueError


def _elements(text: "_Text") -> Iterator[str]:
    text.expect("[")
    if text.peek() == "]":
        text.expect("]")
        return
    while True:
        yield text.value()[1]
        if text.expect(",]") == "]":
            return


class _Text:
    """A parser of a long JSON text, of which only the part that is being parsed is in memory."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._is_complete = "", 0, False

    def peek(self) -> str:
        """Skip white space, and return the next character without moving past it; an empty string at the end."""
        while True:
            found = _not_blank(self._text, self._at)
            if found:
                self._at = found.start()
                return found[0]
            self._at = len(self._text)
            if self._is_complete:
                return ""
            self._read_on()

    def expect(self, expected: str) -> str:
        """Skip white space; return the next character and move past it. Raise `ValueError` if `expected` lacks it."""
        char = self.peek()
        if not char or char not in expected:
            raise ValueError
        self._at += 1
        return char

    def value(self) -> tuple[Any, str]:
        """Return the next JSON value and its text, and move past the value. Raise `ValueError` if it is not valid."""
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
        """Drop the parsed text, and read more until the unparsed text is twice as long or the document ends.

        Raise `ValueError` if the unparsed text takes more than `MAX_VALUE_BYTES` before this.
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
