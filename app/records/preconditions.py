"""Preconditions (RFC 9110, section 13): If-Match prevents lost updates, If-None-Match avoids sending a body again.

If-Match takes one entity tag, the record's version in quotes, or `*`, which matches every version. A weak tag of the
current version also matches, because a compressed response has a weak tag. The header is checked after the record was
found: a request for a record that does not exist gets 404 even if the header is missing or malformed.
"""

import re
from typing import Final

from app.db import Row
from app.problems import MalformedHeader, Outdated, PreconditionRequired
from app.records.codec import public_row, version_of
from app.records.write.ops import Op

_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_tags = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*").fullmatch
_each = re.compile(_TAG).findall


def if_match_satisfied(if_match: str | None, version: int) -> bool:
    """Return whether If-Match matches the record's version.

    Raise `PreconditionRequired` if the header is missing, and `MalformedHeader` if it is malformed.
    """
    if if_match is None:
        raise PreconditionRequired
    if if_match == "*":
        return True
    if not _tags(if_match):
        raise MalformedHeader("If-Match is malformed: send one entity tag in quotes, or *.")
    return if_match.strip().removeprefix("W/") == f'"{version}"'


def check_if_match(op: Op, row: Row, epoch: int) -> None:
    """Raise `Outdated` if the record's version does not satisfy the operation's precondition."""
    if op.check_version is not None and not op.check_version(version_of(epoch, row["seq"])):
        raise Outdated(current=public_row(op.resource, row, epoch))


def entity_tags(value: str) -> list[str]:
    """Return the entity tags in the value of a header."""
    return _each(value)


def matching_etag(if_none_match: str | None, version: int) -> str | None:
    """Return the tag of If-None-Match that matches the record's version, for the 304 response; None if no tag does."""
    return None if if_none_match is None else matching_tag(if_none_match, f'"{version}"')


def matching_tag(if_none_match: str | None, current: str) -> str | None:
    """Return the tag of If-None-Match that matches the tag `current`, for the 304 response; None if no tag does.

    `current` is a strong tag, in quotes. The returned tag is weak if the client got it with a compressed response.
    """
    if if_none_match is None:
        return None
    if if_none_match.removeprefix("W/") == current:  # one tag, as nearly all clients send
        return if_none_match
    if if_none_match.strip() == "*":
        return current
    return next((tag for tag in _each(if_none_match) if tag.removeprefix("W/") == current), None)
