"""The URLs of this API, as a clinic's system uses them."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import Request

from app.services import services_of
from app.settings import Settings
from app.urls import public_url

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - the path


class Endpoints:
    """The API's URLs below the issuer, such as the URL of the token endpoint.

    Without `AFTERGLOW_ISSUER`, a development server uses the URL that the request was sent to, so that a client can
    reach it. In production, the server does not start without an issuer.
    """

    def __init__(self, settings: Settings, requested: str) -> None:
        """Take the settings, and the scheme and host of the request as a URL."""
        issuer, below = settings.issuer, public_url("")
        base = (issuer if settings.has_issuer else requested).rstrip("/")
        self._base = base if urlsplit(base).path.endswith(below) else base + below
        self.issuer = issuer if settings.has_issuer else self._base
        self.audiences = {self.token, self.issuer, issuer}
        """The allowed values of `aud` in an assertion."""

    @property
    def token(self) -> str:
        """The URL of the token endpoint."""
        return self.of(TOKEN_PATH)

    def of(self, path: str) -> str:
        """Return the full URL of a path of the API."""
        return self._base + path


async def endpoints_of(request: Request) -> Endpoints:
    """Return the URLs for the host of a request; a dependency of routes."""
    host = request.headers.get("host", "localhost")
    return Endpoints(services_of(request).settings, f"{request.scope['scheme']}://{host}")


TheEndpoints = Annotated[Endpoints, Depends(endpoints_of)]
