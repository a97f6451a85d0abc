"""The trace that a request belongs to, from the header `traceparent` (W3C Trace Context)."""

import re
from typing import Final

from app.http.response import Header

_matches: Final = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})(?P<span>[0-9a-f]{16})-[0-9a-f]{2}"
    rb"(?P<rest>-.*)?"
).fullmatch


def trace_fields(headers: list[Header]) -> dict[str, str]:
    """Return the `trace_id` and the caller's `span_id` as hexadecimal digits.

    Return an empty dictionary if the request does not have exactly one valid header `traceparent`. A version after 00
    may add fields at the end; they are ignored, as the specification demands.
    """
    values = [value for name, value in headers if name == b"traceparent"]
    found = _matches(values[0]) if len(values) == 1 else None
    if found is None or (found["rest"] is not None and found["version"] == b"00"):
        return {}
    return {"trace_id": found["trace"].decode(), "span_id": found["span"].decode()}
