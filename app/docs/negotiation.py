"""Content negotiation: finds the representation that a client prefers (RFC 9110, 12.5.1)."""

import re
from typing import Final

_quality: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)


def prefers_html(accept: str) -> bool:
    """Return whether the value of a header `Accept` prefers HTML to JSON. Malformed media ranges in it are ignored."""
    weights: dict[str, float] = {}
    for member in accept.split(","):
        media_type, *parameters = (part.strip() for part in member.split(";"))
        found = [_quality.fullmatch(each) for each in parameters if each[:2].lower() == "q="]
        if None not in found:
            weights[media_type.lower()] = float(found[0][1]) if found and found[0] else 1.0
    return _weight(weights, "text/html") > _weight(weights, "application/json")


def _weight(weights: dict[str, float], media_type: str) -> float:
    """Return the weight of the most specific media range that contains a media type; 0 if there is none."""
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((weights[each] for each in ranges if each in weights), 0.0)
