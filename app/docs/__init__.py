"""The pages about the API: a home page, the guide, Swagger UI and ReDoc. They need no internet access.

The server itself serves the scripts of the pages, from the package `fastapi_offline` and from this folder. A content
security policy blocks requests to other hosts. All URLs in the pages are relative, so that a proxy can serve the pages
below any path. The guide is `openapi/README.md`, which each process renders once.

The page `/docs` is Swagger UI with scripts of this folder: it keeps the tester signed in (`sign-in.js`), shows the
event stream (`events.js`), shows each problem of an operation in one line (`short-responses.js`), searches all texts of
operations and of the guide (`search.js`), and expands operations without delay (`references.js`).
"""

import asyncio
from functools import cache, lru_cache
from html import escape
from importlib import resources
from importlib.metadata import version
from typing import Annotated, Final

from fastapi import APIRouter, Header

from app.docs.negotiation import prefers_html
from app.http import PUBLIC, Response, Route, json_response
from app.problems import NotFound
from app.urls import public_url

router = APIRouter(route_class=Route, include_in_schema=False)
_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""The content security policy of the pages with Swagger UI and ReDoc. Their scripts set inline styles."""
_TEXT_POLICY: Final = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HTML: Final = (b"content-type", b"text/html; charset=utf-8")
_PACKAGED: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
}
_OURS: Final = {
    "start-swagger.js": "text/javascript",
    "sign-in.js": "text/javascript",
    "events.js": "text/javascript",
    "references.js": "text/javascript",
    "short-responses.js": "text/javascript",
    "search.js": "text/javascript",
    "pages.css": "text/css",
    "icon.svg": "image/svg+xml",
}
_EXTERNAL_LOGO: Final = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
"""The URL of ReDoc's logo, the only URL of another host in the scripts. It is replaced by an empty data URL."""
_LINKS: Final = {
    "docs": "/docs",
    "redoc": "/redoc",
    "openapi": "/openapi.json",
    "guide": "/guide",
    "health": "/readyz",
}


@router.get("/")
async def get_home(accept: Annotated[str | None, Header()] = None) -> Response:
    """Return the home page as HTML if the client prefers HTML, else as JSON."""
    vary = (b"vary", b"Accept")
    if prefers_html(accept or ""):
        return _page("home.html", _TEXT_POLICY, vary)
    links = {name: public_url(path) for name, path in _LINKS.items()}
    return json_response({"name": "Afterglow", "version": version("afterglow"), "links": links}, headers=[PUBLIC, vary])


@router.get("/guide")
async def get_guide() -> Response:
    """Return the page with the guide for app developers. The first request renders the guide, in a thread."""
    contents, text = await asyncio.to_thread(_guide)
    return _page("guide.html", _TEXT_POLICY, contents=contents, text=text)


@router.get("/docs")
async def get_docs() -> Response:
    """Return the page with Swagger UI."""
    return _page("swagger.html", _POLICY)


@router.get("/redoc")
async def get_redoc() -> Response:
    """Return the page with ReDoc."""
    return _page("redoc.html", _POLICY)


@router.get("/docs/assets/{name}")
async def get_docs_asset(name: str) -> Response:
    """Return a script, a style sheet or an image of the pages; raise `NotFound` if there is none with this name."""
    media_type = _PACKAGED.get(name) or _OURS.get(name)
    if media_type is None:
        raise NotFound
    package = "fastapi_offline.static" if name in _PACKAGED else __name__
    return Response(200, _file(package, name), [(b"content-type", media_type.encode()), PUBLIC])


def _page(name: str, policy: bytes, *headers: tuple[bytes, bytes], **texts: str) -> Response:
    root_path = public_url("")
    body = _filled(name, f"{root_path}/" if root_path else "", **texts)
    return Response(200, body, [_HTML, (b"content-security-policy", policy), PUBLIC, *headers])


@lru_cache(maxsize=16)
def _filled(name: str, base: str, **texts: str) -> bytes:
    """Return the HTML of a page: the file `name`, with its placeholders replaced by `texts` and other values.

    `base` is the prefix of the URLs in the page; it is empty if the URLs are relative.
    """
    html = _file(__name__, name).decode().replace("{nav}", _file(__name__, "nav.html").decode().strip())
    values = {"base": escape(base), "home": escape(base) or "./", "version": version("afterglow"), **texts}
    for key, value in values.items():
        html = html.replace(f"{{{key}}}", value)
    return html.encode()


@cache
def _guide() -> tuple[str, str]:
    from app.docs.guide import render_guide  # noqa: PLC0415 - loading takes 20 ms, and production does not need it

    return render_guide(_file(__name__, "guide.md").decode())


@cache
def _file(package: str, name: str) -> bytes:
    return resources.files(package).joinpath(name).read_bytes().replace(_EXTERNAL_LOGO, b"data:,")
