"""Identity: who is calling, by whose leave.

A *person* registers an address, verifies it by a mailed code, and signs in on a *device*; each device holds a family
of refresh tokens and calls with short access tokens. `Call` is what a route asks for: the signed-in caller.
"""

from app.identity.caller import SIGNED_IN, TIMEZONE, Call, Caller, SignedIn
from app.identity.services import Services, TheServices
from app.identity.tables import Feed

__all__ = [
    "SIGNED_IN",
    "TIMEZONE",
    "Call",
    "Caller",
    "Feed",
    "Services",
    "SignedIn",
    "TheServices",
]
