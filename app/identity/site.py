"""The site: what a running server has, shared by every request."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from app.db import Database
from app.http import Places
from app.identity.passwords import Passwords
from app.identity.tokens import Tokens
from app.keyring import Keyring
from app.mail import Mail
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Site:
    """The parts that requests use, made once at the start."""

    settings: Settings
    db: Database
    mail: Mail
    keyring: Keyring
    tokens: Tokens
    passwords: Passwords
    cursor_key: bytes
    code_key: bytes
    refresh_key: bytes
    throttle_key: bytes
    op_key: bytes
    places: Places


def new_site(settings: Settings, db: Database, keyring: Keyring, places: Places | None = None) -> Site:
    """Put a site together; `places` are those of the server, where there is one."""
    return Site(
        settings=settings,
        db=db,
        mail=Mail(settings),
        keyring=keyring,
        tokens=Tokens(settings, keyring),
        passwords=Passwords(settings),
        cursor_key=keyring.derived("cursors"),
        code_key=keyring.derived("codes"),
        refresh_key=keyring.derived("refresh tokens"),
        throttle_key=keyring.derived("throttles"),
        op_key=keyring.derived("operations"),
        places=places or Places(),
    )


def site_of(request: Request) -> Site:
    """Return the site that serves the request."""
    site: Site = request.scope["app"].state.site
    return site


async def the_site(request: Request) -> Site:
    """Return the same, where FastAPI asks for it."""
    return site_of(request)


TheSite = Annotated[Site, Depends(the_site)]
