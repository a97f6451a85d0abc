"""Writing people's own text as Markdown, so that every CommonMark renderer shows it as it was typed.

Nothing in a text can become a heading, a list, a code block, HTML or a link, and so affect the text that follows.
Characters without a meaning in Markdown are not escaped, so that the source is easy to read, too.
"""

import re
from typing import Final

_lines = re.compile(r"\r\n|\r|\n").split
_special = re.compile(r"[\\`*\[|]|<(?=[A-Za-z/!?])|~(?=~)|(?<=~)~|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)").sub
_marker = re.compile(r"[#+=>-]|\d{1,9}[.)]").match
_closing = re.compile(r"(?=#+$)").sub
_indent = re.compile(r"[ \t]*").match
_CONTROLS: Final = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {127: 0x2421}
"""Replaces control characters by symbols for them, such as ␛, because a terminal would execute them."""
NO_BREAK_SPACE: Final = "\u00a0"
HARD_BREAK: Final = "  \n"


def escape(text: str) -> str:
    """Return a text for a heading or a part of a line; line breaks in it become spaces."""
    return _closing(r"\\", _escape_line(" ".join(text.split())), count=1)


def paragraphs(text: str) -> str:
    """Return a text of any number of lines. Its line breaks are kept, and blank lines separate paragraphs."""
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
