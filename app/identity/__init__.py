"""Identity: accounts, devices, tokens and throttling; who is calling.

A *person* registers an e-mail address, verifies it with a code from an e-mail, and signs in on a *device*. Each device has
one refresh token at a time, and calls with short-lived access tokens. A route takes the authenticated caller as `Call`.
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
