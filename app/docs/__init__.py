"""The docs pages: Swagger UI and ReDoc for `/openapi.json`, without internet access.

Their scripts come from a package and are served from here; a content security policy blocks requests to other hosts. A
successful sign-in with "Try it out" authorizes the page by itself, which closes every lock; signing out opens them.
"""

from functools import cache
from importlib import resources
from typing import Final

from fastapi import APIRouter

from app.http import Response, Route
from app.problems import NotFound

router = APIRouter(route_class=Route, include_in_schema=False)
_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_PACKAGED: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
}
_OURS: Final = {"start-swagger.js": "text/javascript", "icon.svg": "image/svg+xml"}
_EXTERNAL_LOGO: Final = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
"""ReDoc's logo: the only thing that the scripts would load from another host. Without it, ReDoc shows no logo."""


@router.get("/docs")
async def get_docs() -> Response:
    """Return the page of Swagger UI."""
    return _page("swagger.html")


@router.get("/redoc")
async def get_redoc() -> Response:
    """Return the page of ReDoc."""
    return _page("redoc.html")


@router.get("/docs/assets/{name}")
async def get_docs_asset(name: str) -> Response:
    """Return a script, a style sheet or an image of the pages."""
    media_type = _PACKAGED.get(name) or _OURS.get(name)
    if media_type is None:
        raise NotFound
    package = "fastapi_offline.static" if name in _PACKAGED else __name__
    return Response(
        200, _file(package, name), [(b"content-type", media_type.encode()), (b"cache-control", b"no-cache")]
    )


def _page(name: str) -> Response:
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", _POLICY)]
    return Response(200, _file(__name__, name), headers)


@cache
def _file(package: str, name: str) -> bytes:
    return resources.files(package).joinpath(name).read_bytes().replace(_EXTERNAL_LOGO, b"data:,")
