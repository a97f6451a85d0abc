"""Identity: accounts, devices, tokens and throttling.

A person registers an e-mail address, verifies it with an e-mailed code, and signs in on a device. A device has one
valid refresh token at a time, and sends a short-lived access token with each request. A route gets the authenticated
caller from a parameter of the type `Call`.
"""

from app.identity.caller import SIGNED_IN, TIMEZONE, Call, Caller, SignedIn, identify
from app.identity.tables import Feed

__all__ = [
    "SIGNED_IN",
    "TIMEZONE",
    "Call",
    "Caller",
    "Feed",
    "SignedIn",
    "identify",
]
