"""Writes people's own text as Markdown, so that every CommonMark renderer shows the text as it was typed.

No part of a text can become a heading, a list, a code block, HTML or a link, which could also affect the text that
follows. Characters without a meaning in Markdown are not escaped, so that the Markdown source is easy to read, too.
"""

import re
from typing import Final

_lines = re.compile(r"\r\n|\r|\n").split
_special = re.compile(r"[\\`*\[|]|<(?=[A-Za-z/!?])|~(?=~)|(?<=~)~|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)").sub
_marker = re.compile(r"[#+=>-]|\d{1,9}[.)]").match
_closing = re.compile(r"(?=#+$)").sub
_indent = re.compile(r"[ \t]*").match
_CONTROLS: Final = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {127: 0x2421}
"""For each control character, the symbol that replaces it, such as ␛: a terminal would execute the character."""
NO_BREAK_SPACE: Final = "\u00a0"
HARD_BREAK: Final = "  \n"


def escape(text: str) -> str:
    """Return a text as Markdown for a heading or a part of a line. Line breaks in the text become spaces."""
    return _closing(r"\\", _escape_line(" ".join(text.split())), count=1)


def paragraphs(text: str) -> str:
    """Return a text of any number of lines as Markdown. Line breaks are kept, and blank lines separate paragraphs."""
    written: list[str] = []
    open_ = False
    for line in _lines(text):
        if not line.strip():
            if open_:
                written.append("\n\n")
            open_ = False
            continue
        written += [HARD_BREAK if open_ else "", _escape_line(line)]
        open_ = True
    return "".join(written).rstrip("\n")


def _escape_line(line: str) -> str:
    indent = _indent(line)
    begin = 0 if indent is None else indent.end()
    rest = _special(lambda found: f"\\{found[0]}", line[begin:].rstrip().translate(_CONTROLS))
    marker = _marker(rest)
    if marker is not None:
        position = marker.end() - 1
        rest = f"{rest[:position]}\\{rest[position:]}"
    spaces = line[:begin].replace("\t", "    ")
    return NO_BREAK_SPACE * len(spaces) + rest
