"""The conditional response of views: a weak ETag, and 304 after one statement on the feed.

The ETag names all that a view is computed from: the version of the feed, and what else the view passes, such as its
parameters, the time zone, the local day and the versions of library files.
"""

import base64
import hashlib
from typing import Any, Final

import sqlalchemy as sa

from app.db import Statement
from app.http import VARY, Response, json_response
from app.identity import TIMEZONE, Feed
from app.openapi import problems
from app.problems import Problem
from app.records.access import owned
from app.records.codec import version_of
from app.records.preconditions import entity_tags, matching_tag
from app.records.view import View, feed_of

TAG: Final = "Views"
"""The OpenAPI tag of all views."""
_DIGEST_BYTES: Final = 12
_VERSION_DIGITS: Final = 16
_feed = Feed.table()
_FEED: Final = Statement(sa.select(_feed.c.head, _feed.c.epoch, TIMEZONE).where(owned(_feed)))
_ETAG: Final = {
    "description": "A weak tag of the response, for `If-None-Match`.",
    "schema": {"type": "string"},
}


def view_responses(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Return the documented responses of a view's route; `kinds` are its own problems."""
    return {
        200: {"headers": {"ETag": _ETAG}},
        304: {"description": "The client has the current response."},
        **problems(*kinds, signed_in=True),
    }


async def feed_version(view: View) -> int:
    """Return the version of the feed's head. The statement also authenticates the caller, and reads its time zone."""
    head, epoch, timezone = feed_of(await view.db.tuples(_FEED, **view.binds))
    view.caller.confirm(timezone)
    return version_of(epoch, head)


def tag_of(version: int, *parts: object) -> str:
    """Return the entity tag of a view, in quotes, of the feed's version and everything else that it is computed from.

    The parts must be values with a `repr` that depends only on their content: texts, numbers, days, instants, tuples.
    """
    digest = hashlib.sha256(repr(parts).encode()).digest()[:_DIGEST_BYTES]
    return f'"{version}-{base64.urlsafe_b64encode(digest).decode()}"'


def known_version(if_none_match: str | None, *parts: object) -> int:
    """Return the version of the feed in the tag that the client has of a view with these parts; 0 if it has none.

    A statement that takes it can read the feed, and the rest only if the feed has another version.
    """
    for tag in entity_tags(if_none_match or ""):
        version = tag.removeprefix("W/").strip('"').partition("-")[0]
        if len(version) <= _VERSION_DIGITS and version.isdecimal() and version.isascii():
            strong = tag_of(int(version), *parts)
            if tag.removeprefix("W/") == strong:
                return int(version)
    return 0


def not_modified(if_none_match: str | None, tag: str) -> Response | None:
    """Return the response 304 if the client has the view with this tag, else None."""
    if matching_tag(if_none_match, tag) is None:
        return None
    return Response(304, headers=[(b"etag", _weak(tag)), VARY])


def view_response(value: Any, tag: str) -> Response:
    """Return the response with a view and its tag."""
    return tagged(json_response(value), tag)


def tagged(response: Response, tag: str) -> Response:
    """Add the tag to a response with a view, and return it."""
    response.headers.append((b"etag", _weak(tag)))
    return response


def _weak(tag: str) -> bytes:
    return b"W/%b" % tag.encode()
