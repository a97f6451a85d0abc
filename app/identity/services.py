"""The site: what a running server has, shared by every request."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from app.db import Database
from app.identity.passwords import Passwords
from app.identity.tokens import Tokens
from app.keyring import Keyring
from app.mail import Mail
from app.server.in_flight import InFlightLimiter
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
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
    limiter: InFlightLimiter


def build_services(
    settings: Settings, db: Database, keyring: Keyring, limiter: InFlightLimiter | None = None
) -> Services:
    """Put a site together; `places` are those of the server, where there is one."""
    return Services(
        settings=settings,
        db=db,
        mail=Mail(settings),
        keyring=keyring,
        tokens=Tokens(settings, keyring),
        passwords=Passwords(settings),
        cursor_key=keyring.derive_key("cursors"),
        code_key=keyring.derive_key("codes"),
        refresh_key=keyring.derive_key("refresh tokens"),
        throttle_key=keyring.derive_key("throttles"),
        op_key=keyring.derive_key("operations"),
        limiter=limiter or InFlightLimiter(),
    )


def services_of(request: Request) -> Services:
    """Return the site that serves the request."""
    services: Services = request.scope["app"].state.services
    return services


async def current_services(request: Request) -> Services:
    """Return the same, where FastAPI asks for it."""
    return services_of(request)


TheServices = Annotated[Services, Depends(current_services)]
