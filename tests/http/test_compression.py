"""Compression: which responses are compressed, with which coding, and what stays as it is."""

import gzip
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import httpx2 as httpx
import pytest
from backports import zstd
from fastapi import APIRouter, FastAPI

from app.http import PUBLIC, RequestContextMiddleware, Response, Route, Router, SecretRoute
from app.http.compression import MIN_BYTES, MIN_THREAD_BYTES, preference
from app.main import create_app
from app.settings import Settings
from tests.hostile.raw import RawConnection
from tests.serving import PASSWORD, Person, listening
from tests.witness import Client

WORDS = "wisteria in flower, and a lantern by the door "
DECODE: dict[str, Callable[[bytes], bytes]] = {
    "zstd": zstd.decompress,
    "gzip": gzip.decompress,
    "identity": bytes,
    "br": bytes,
}
TYPES = {
    "application/json": True,
    "application/problem+json": True,
    "application/fhir+json; charset=utf-8": True,
    "text/calendar; charset=utf-8; component=vevent": True,
    "Text/HTML;charset=utf-8": True,
    "text/javascript": True,
    "text/css": True,
    "text/markdown": True,
    "image/svg+xml": True,
    "text/event-stream": False,
    "application/zip": False,
    "application/gzip": False,
    "image/png": False,
    "application/octet-stream": False,
}
router = APIRouter(route_class=Route)
secrets = APIRouter(prefix="/secret", route_class=SecretRoute)


def body_of(size: int) -> bytes:
    """Return a text of a size."""
    return (WORDS.encode() * (size // len(WORDS) + 1))[:size]


@router.get("/bodies/{size:int}/{name:int}")
async def respond_with_a_body(size: int, name: int) -> Response:
    """Return a body of a size, with one of the media types."""
    return Response(200, body_of(size), [(b"content-type", [*TYPES][name].encode()), (b"etag", b'"7"')])


@router.get("/public")
async def respond_with_a_public_text() -> Response:
    """Return a response that is the same for every client."""
    return Response(200, body_of(2000), [(b"content-type", b"text/css"), PUBLIC])


@router.get("/weak")
async def respond_with_a_weak_tag() -> Response:
    """Return a weak tag."""
    return Response(200, body_of(2000), [(b"content-type", b"text/css"), (b"etag", b'W/"7"')])


@router.get("/random")
async def respond_with_what_does_not_get_smaller() -> Response:
    """Return a body that compression does not make smaller."""
    return Response(200, Random(5).randbytes(2000), [(b"content-type", b"text/plain")])  # noqa: S311


@router.get("/encoded")
async def respond_with_a_coding() -> Response:
    """Return what is compressed already."""
    return Response(200, body_of(2000), [(b"content-type", b"text/plain"), (b"content-encoding", b"br")])


@secrets.get("")
async def respond_with_a_secret() -> Response:
    """Return a secret."""
    return Response(200, body_of(2000), [(b"content-type", b"application/json")])


APP = RequestContextMiddleware(
    Router(FastAPI(), routes=[*router.routes, *secrets.routes], max_body_bytes=1024), https_only=False
)


@pytest.fixture(scope="module")
def bare() -> Iterator[httpx.Client]:
    with listening(APP) as (url, _), httpx.Client(base_url=url) as client:
        yield client


def fetch(
    client: httpx.Client, path: str, accept_encoding: str | None, method: str = "GET", **options: Any
) -> tuple[httpx.Response, bytes]:
    """Send a request with such an Accept-Encoding; return the response, and its body decoded by hand."""
    with httpx.Client(base_url=client.base_url, verify=False) as plain:  # the witness would read the body
        request = client.build_request(method, path, **options)
        del request.headers["accept-encoding"]
        if accept_encoding is not None:
            request.headers["accept-encoding"] = accept_encoding
        response = plain.send(request, stream=True)
        raw = b"".join(response.iter_raw())
        response.close()
    if method != "HEAD":
        assert int(response.headers["content-length"]) == len(raw)
        raw = DECODE[response.headers.get("content-encoding", "identity")](raw)
    return response, raw


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "gzip"),
        ("deflate, br", None),
        ("compress;q=0.5, gzip;q=1.0", "gzip"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("gzip;q=0.001", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0.000", None),
        ("gzip;q=0, zstd;q=0", None),
        ("zstd;q=0, gzip", "gzip"),
        ("*", "zstd"),
        ("*;q=0", None),
        ("*;q=0, gzip", "gzip"),
        ("zstd;q=0, *", "gzip"),
        ("gzip;q=0, zstd;q=0, *", None),
        ("identity", None),
        ("identity;q=0", None),
        ("identity;q=0, *", "zstd"),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("identity;q=1, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("identity;q=0.5, *;q=0.1", None),
        ("gzip;q=0.8, identity;q=0.5, *;q=0", "gzip"),
        ("  gzip ; q=1 ,, \t zstd;Q=0.3 ", "gzip"),
        ("gzip;q=2", None),
        ("gzip;q=1.001", None),
        ("gzip;q=0.1234", None),
        ("gzip;q=-1", None),
        ("gzip;q", None),
        ("gzip;level=9", None),
        ("gzip zstd", None),
        ("gzip\xff, zstd", "zstd"),
        (", ,;q=1", None),
    ],
)
def test_the_coding_is_what_accept_encoding_prefers(accept_encoding: str, coding: str | None) -> None:
    found = preference(accept_encoding.encode("latin-1"))
    assert found.coding == (None if coding is None else coding.encode())


def test_several_accept_encoding_headers_are_one_list(bare: httpx.Client) -> None:
    with RawConnection((bare.base_url.host, bare.base_url.port or 80)) as connection:
        reply = connection.request(
            "GET", "/bodies/2000/0", [("Accept-Encoding", "zstd;q=0"), ("Accept-Encoding", "gzip")]
        )
    assert reply.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
@pytest.mark.parametrize("size", [MIN_BYTES, MIN_THREAD_BYTES - 1, MIN_THREAD_BYTES, 2**20])
def test_a_large_text_is_compressed(bare: httpx.Client, coding: str, size: int) -> None:
    response, body = fetch(bare, f"/bodies/{size}/0", coding)
    assert (response.headers["content-encoding"], response.headers["vary"]) == (coding, "Accept-Encoding")
    assert body == body_of(size)
    assert int(response.headers["content-length"]) < size / 2
    head, nothing = fetch(bare, f"/bodies/{size}/0", coding, "HEAD")
    assert nothing == b""
    assert {**head.headers, "x-request-id": ""} == {**response.headers, "x-request-id": ""}


def test_a_small_body_is_sent_as_it_is(bare: httpx.Client) -> None:
    response, body = fetch(bare, f"/bodies/{MIN_BYTES - 1}/0", "gzip, zstd")
    assert "content-encoding" not in response.headers
    assert (response.headers["etag"], "vary" in response.headers, len(body)) == ('"7"', False, MIN_BYTES - 1)


@pytest.mark.parametrize("accept_encoding", [None, "", "br", "gzip;q=0", "identity;q=0"])
def test_a_text_that_a_client_does_not_accept_compressed_is_sent_as_it_is(
    bare: httpx.Client, accept_encoding: str | None
) -> None:
    response, body = fetch(bare, "/bodies/5000/0", accept_encoding)
    assert (response.status_code, body, response.headers["vary"]) == (200, body_of(5000), "Accept-Encoding")
    assert ("content-encoding" in response.headers, response.headers["etag"]) == (False, '"7"')


def test_a_small_body_is_compressed_for_a_client_that_accepts_nothing_else(bare: httpx.Client) -> None:
    response, body = fetch(bare, "/bodies/5/0", "identity;q=0, gzip")
    assert (response.headers["content-encoding"], body) == ("gzip", body_of(5))


@pytest.mark.parametrize("name", range(len(TYPES)), ids=list(TYPES))
def test_only_text_is_compressed(bare: httpx.Client, name: int) -> None:
    response, body = fetch(bare, f"/bodies/5000/{name}", "gzip")
    is_text = [*TYPES.values()][name]
    assert ("content-encoding" in response.headers, "vary" in response.headers) == (is_text, is_text)
    assert body == body_of(5000)


def test_a_compressed_response_has_a_weak_tag(bare: httpx.Client) -> None:
    assert fetch(bare, "/bodies/5000/0", "gzip")[0].headers["etag"] == 'W/"7"'
    assert fetch(bare, "/weak", "gzip")[0].headers["etag"] == 'W/"7"'
    assert fetch(bare, "/bodies/5000/0", None)[0].headers["etag"] == '"7"'


def test_what_does_not_get_smaller_is_sent_as_it_is(bare: httpx.Client) -> None:
    response, body = fetch(bare, "/random", "zstd")
    assert ("content-encoding" in response.headers, len(body)) == (False, 2000)
    again, _ = fetch(bare, "/encoded", None)
    assert (again.headers["content-encoding"], "vary" in again.headers) == ("br", False)


def test_a_public_text_is_compressed_once(bare: httpx.Client) -> None:
    first, second = (fetch(bare, "/public", "gzip")[1] for _ in range(2))
    assert first == second == body_of(2000)


@pytest.mark.parametrize("accept_encoding", ["gzip, zstd", "identity;q=0, gzip"])
def test_a_secret_is_never_compressed(bare: httpx.Client, accept_encoding: str) -> None:
    response, body = fetch(bare, "/secret", accept_encoding)
    assert ("content-encoding" in response.headers, "vary" in response.headers) == (False, False)
    assert body == body_of(2000)


SECRETS = ("/v1/auth/", "/v1/me/totp", "/oauth/", "/v1/calendar-links", "/v1/clinic/webhooks")
"""Paths below which responses contain tokens or other secrets."""


def test_every_route_that_answers_with_tokens_is_a_secret_route() -> None:
    routes = [route for route in create_app(Settings()).routes if isinstance(route, Route)]
    assert {route.path for route in routes if not route.compresses} == {
        route.path for route in routes if route.path.startswith(SECRETS)
    }


@pytest.fixture
def written(alice: Person) -> dict[str, Any]:
    draft = {"body": WORDS * 100, "occurred_at": "2026-11-22T18:31:00Z"}
    response = alice.client.post("/v1/reflections", json=draft)
    assert response.status_code == 201
    record: dict[str, Any] = response.json()
    return record


READINGS: dict[str, Callable[[str], tuple[str, str, dict[str, Any]]]] = {
    "read": lambda key: ("GET", f"/v1/reflections/{key}", {}),
    "list": lambda _: ("GET", "/v1/reflections", {}),
    "pull": lambda _: ("GET", "/v1/sync/changes", {}),
    "create again": lambda key: ("POST", "/v1/reflections", {"json": {"id": key, "body": WORDS * 100}}),
    "push": lambda key: (
        "POST",
        "/v1/sync/push",
        {"json": {"ops": [{"op": "upsert", "collection": "reflections", "id": key, "set": {"title": "x"}}]}},
    ),
    "patch": lambda key: ("PATCH", f"/v1/reflections/{key}", {"json": {}, "headers": {"If-Match": "*"}}),
    "conflict": lambda key: ("PATCH", f"/v1/reflections/{key}", {"json": {}, "headers": {"If-Match": '"1"'}}),
}
"""Requests whose response contains the record with this id."""


@pytest.mark.parametrize("coding", ["zstd", "gzip", "identity"])
@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
def test_every_reading_of_a_record_is_the_same_compressed_or_not(
    alice: Person,
    written: dict[str, Any],
    reading: Callable[[str], tuple[str, str, dict[str, Any]]],
    coding: str,
) -> None:
    method, path, options = reading(written["id"])
    headers = {"X-Request-Id": "the-same", **options.pop("headers", {})}
    plain, expected = fetch(alice.client, path, None, method, headers=headers, **options)
    response, body = fetch(alice.client, path, coding, method, headers=headers, **options)
    assert (response.status_code, body) == (plain.status_code, expected)
    assert response.headers.get("content-encoding", "identity") == coding
    assert (response.headers["vary"], response.headers["cache-control"]) == ("Accept-Encoding, Origin", "no-store")


def test_a_tag_of_a_compressed_response_guards_and_revalidates(alice: Person, written: dict[str, Any]) -> None:
    path = f"/v1/reflections/{written['id']}"
    tag = fetch(alice.client, path, "gzip")[0].headers["etag"]
    assert tag == f'W/"{written["version"]}"'
    current = alice.client.get(path, headers={"If-None-Match": tag})
    assert (current.status_code, current.headers["etag"]) == (304, tag)
    changed = alice.client.patch(path, json={"title": "wisteria"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert alice.client.patch(path, json={"title": "x"}, headers={"If-Match": tag}).status_code == 412


@pytest.mark.parametrize("path", ["/v1/auth/login", "/v1/auth/refresh"])
def test_no_response_with_tokens_is_compressed(alice: Person, path: str) -> None:
    login = {"email": alice.email, "password": PASSWORD}
    body = login if path == "/v1/auth/login" else {"refresh_token": alice.tokens["refresh_token"]}
    response, _ = fetch(alice.client, path, "gzip, zstd, identity;q=0", "POST", json=body)
    assert (response.status_code, "content-encoding" in response.headers) == (200, False)
    assert response.headers["vary"] == "Origin"


def test_a_long_list_of_devices_is_not_compressed(alice: Person) -> None:
    login = {"email": alice.email, "password": PASSWORD, "device_name": "wisteria " * 5}
    for _ in range(8):
        assert alice.client.post("/v1/auth/login", json=login).status_code == 200
    response, content = fetch(alice.client, "/v1/auth/devices", "gzip, zstd, identity;q=0")
    assert len(content) > MIN_BYTES
    assert (response.status_code, "content-encoding" in response.headers) == (200, False)
    assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
@pytest.mark.parametrize("path", ["/openapi.json", "/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css"])
def test_the_pages_and_their_scripts_are_compressed(anyone: Client, path: str, coding: str) -> None:
    plain, expected = fetch(anyone, path, None)
    response, body = fetch(anyone, path, coding)
    assert (response.headers["content-encoding"], body) == (coding, expected)
    assert int(response.headers["content-length"]) < len(expected) / 2
    assert response.headers["cache-control"] == plain.headers["cache-control"]


def test_a_stream_is_neither_compressed_nor_transformed(alice: Person) -> None:
    headers = {"Accept-Encoding": "gzip, zstd, identity;q=0"}
    with alice.client.stream("GET", "/v1/sync/events", headers=headers) as response:
        assert "content-encoding" not in response.headers
        assert response.headers["cache-control"] == "no-store, no-transform"
        assert next(response.iter_raw()).startswith(b"id: ")


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br", "identity", "gzip, gzip"])
def test_a_body_with_a_content_encoding_is_refused(alice: Person, coding: str) -> None:
    body = gzip.compress(b'{"body": "wisteria"}')
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    response = alice.client.post("/v1/reflections", content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")
    assert "Content-Encoding" in response.json()["detail"]
    assert response.headers["accept-encoding"] == "identity"
