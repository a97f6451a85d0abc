"""Preconditions (RFC 9110, section 13): If-Match guards a write, If-None-Match saves an answer.

If-Match takes one strong tag, which is the record's version, or `*`, which forces. It is looked at only once the
record is known to be there: what is not there is 404 whatever the headers say.
"""

import re
from typing import Final

from app.db import Row
from app.problems import MalformedHeader, Outdated, PreconditionRequired

_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_tags = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*").fullmatch
_each = re.compile(_TAG).findall


def matching(if_match: str | None, row: Row) -> None:
    """Return where If-Match names the record's version; raise what is wrong where it does not."""
    if if_match is None:
        raise PreconditionRequired
    if if_match == "*":
        return
    if not _tags(if_match):
        raise MalformedHeader("If-Match is malformed: give one entity tag in quotes, or *.")
    if if_match.strip() != f'"{row["version"]}"':
        raise Outdated(current=row)


def unchanged(if_none_match: str | None, version: int) -> bool:
    """Say whether If-None-Match names the record's version, so that nothing needs to be sent."""
    if if_none_match is None:
        return False
    current = f'"{version}"'
    return if_none_match.strip() == "*" or any(tag.removeprefix("W/") == current for tag in _each(if_none_match))
