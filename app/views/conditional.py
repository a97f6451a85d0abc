"""Conditional responses of views: each response has a weak ETag, and an unchanged view gets 304 after one statement.

The ETag depends on everything that a view is computed from: on the version of the feed, which this statement reads, and
on other values that the view passes, such as its parameters, the time zone, the local day and the versions of library
files.
"""

import base64
import hashlib
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from app.db import Statement
from app.http import VARY, Response, json_response
from app.identity import TIMEZONE, Feed
from app.openapi import problems
from app.problems import Problem
from app.records.access import HEAD_VERSION, owned
from app.records.preconditions import entity_tags, matching_tag
from app.records.view import View, feed_of

TAG: Final = "Views"
"""The OpenAPI tag of all views."""
_DIGEST_BYTES: Final = 12
_VERSION_DIGITS: Final = 16
_MAX_CACHED_DIGESTS: Final = 1024
_feed = Feed.table()
_FEED: Final = Statement(sa.select(HEAD_VERSION, TIMEZONE).where(owned(_feed)))
_ETAG: Final = {
    "description": "A weak tag of the response, for `If-None-Match`.",
    "schema": {"type": "string"},
}


def view_responses(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Return the documented responses of a view's route. `kinds` are the problems that not every route can return."""
    return {
        200: {"headers": {"ETag": _ETAG}},
        304: {"description": "The client has the current response."},
        **problems(*kinds, signed_in=True),
    }


async def feed_version(view: View) -> int:
    """Return the version of the feed's head. Its statement also authenticates the caller, and reads the time zone of
    the account.
    """
    version: int
    version, timezone = feed_of(await view.db.tuples(_FEED, **view.binds))
    view.caller.confirm(timezone)
    return version


def tag_of(version: int, *parts: object) -> str:
    """Return the entity tag of a view, in quotes.

    `version` is the version of the feed, and `parts` are all other values that the view is computed from. The `repr` of
    each must depend only on its content, as that of a text, a number, a day, an instant in UTC or a tuple does.
    """
    return f'"{version}-{_digest(parts)}"'


@lru_cache(_MAX_CACHED_DIGESTS)  # clients send the same parameters again
def _digest(parts: tuple[object, ...]) -> str:
    digest = hashlib.sha256(repr(parts).encode()).digest()[:_DIGEST_BYTES]
    return base64.urlsafe_b64encode(digest).decode()


def known_version(if_none_match: str | None, *parts: object) -> int:
    """Return the feed's version in a tag of If-None-Match, if the tag is of a view with these `parts`; otherwise 0.

    A statement that gets this version can compare it with the feed's, and read the records only if the two differ.
    """
    for tag in entity_tags(if_none_match or ""):
        version = tag.removeprefix("W/").strip('"').partition("-")[0]
        if len(version) <= _VERSION_DIGITS and version.isdecimal() and version.isascii():
            strong = tag_of(int(version), *parts)
            if tag.removeprefix("W/") == strong:
                return int(version)
    return 0


def not_modified(if_none_match: str | None, tag: str) -> Response | None:
    """Return a response with the status 304 if the view's tag is in If-None-Match, otherwise None."""
    if matching_tag(if_none_match, tag) is None:
        return None
    return Response(304, headers=[(b"etag", _weak(tag)), VARY])


def view_response(value: Any, tag: str) -> Response:
    """Return the response with a view (`value`) as JSON, and with its tag as ETag."""
    return tagged(json_response(value), tag)


def tagged(response: Response, tag: str) -> Response:
    """Add the tag to a response as a weak ETag; return the response."""
    response.headers.append((b"etag", _weak(tag)))
    return response


def _weak(tag: str) -> bytes:
    return b"W/%b" % tag.encode()
