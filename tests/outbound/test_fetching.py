"""Fetching: from the checked address, over TLS for the host, without redirects, bounded in time and size."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.outbound import Fetched, FetchError, Outbound, RefusedUrlError, fetching, parse_target
from tests.db.certificates import Authority
from tests.outbound.bad_urls import BAD_URLS
from tests.outbound.receiver import Receiver, document, receiving
from tests.outbound.test_addresses import NOT_PUBLIC
from tests.waiting import wait_until

HEADERS = "Cache-Control: max-age=60"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def get(url: str, *, in_development: bool = True) -> Fetched:
    return asyncio.run(Outbound(allow_loopback=in_development).get(url))


def url_of(receiver: Receiver, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{receiver.port}/keys?a=b"


def test_a_document_is_fetched_without_credentials(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    receiver.reply = [document(b'{"keys": []}', HEADERS, "Set-Cookie: a=b")]
    assert get(url_of(receiver)) == Fetched(["max-age=60"], b'{"keys": []}')
    (request,) = receiver.requests
    assert request.decode().split("\r\n") == [
        "GET /keys?a=b HTTP/1.1",
        f"Host: 127.0.0.1:{receiver.port}",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "Connection: close",
        "",
        "",
    ]


ANSWERS = {
    "chunked": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n", b"abc\r\n0\r\n\r\n"],
    "until the end": [b"HTTP/1.0 200 OK\r\n\r\n", b"ab", b"c"],
    "byte by byte": [bytes([byte]) for byte in document(b"abc")],
    "after early hints": [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + document(b"abc")],
}


@pytest.mark.parametrize("case", ANSWERS)
def test_each_form_of_a_response_is_read(receiver: Receiver, case: str) -> None:
    receiver.reply = ANSWERS[case]
    assert get(url_of(receiver)).body == b"abc"


def test_the_largest_document_is_read(receiver: Receiver) -> None:
    receiver.reply = [document(b"w" * fetching.MAX_BYTES)]
    assert len(get(url_of(receiver)).body) == fetching.MAX_BYTES


REDIRECTS = {
    f"{status}": document(b"", "Location: /", status=f"{status} Moved") for status in (301, 302, 303, 307, 308)
}
REFUSED = {
    **{
        f"status {status}": ([answer], rf"the response has the status {status} .+")
        for status, answer in REDIRECTS.items()
    },
    "status 204": ([document(b"", status="204 No")], "the response has the status 204 instead of 200; .+"),
    "status 500": ([document(b"", status="500 No")], "the response has the status 500 .+"),
    "gzip": ([document(b"abc", "Content-Encoding: gzip")], "the response has a content encoding, .+"),
    "a byte too many": ([document(b"w" * 65_537)], "the response has more than 65536 bytes"),
    "chunks without an end": (
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1000\r\n" + b"w" * 4096 + b"\r\n"] * 20],
        "the response has more than 65536 bytes",
    ),
    "hints without an end": (
        [b"HTTP/1.1 103 H\r\nA: " + b"w" * 8000 + b"\r\n\r\n"] * 20,
        "the response has more than .+",
    ),
    "a head without an end": (
        [b"HTTP/1.1 200 OK\r\n", *[b"A: " + b"w" * 4096 + b"\r\n"] * 20],
        "the response is not .+",
    ),
    "no HTTP": ([b"SSH-2.0-wisteria\r\n\r\n"], "the response is not valid HTTP/1.1"),
    "nothing": ([], "the response is not valid HTTP/1.1"),
    "an early end": ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"], "the response is not valid HTTP/1.1"),
    "two lengths": ([b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"], "the response is .+"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_any_other_response_is_refused_without_repeating_it(receiver: Receiver, case: str) -> None:
    receiver.reply, reason = REFUSED[case]
    with pytest.raises(FetchError, match=rf"^{reason}$") as refused:
        get(url_of(receiver))
    assert "wisteria" not in str(refused.value)
    assert receiver.connections == 1


def test_a_slow_response_is_given_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_SECONDS", 0.3)
    receiver.reply, receiver.pause = [bytes([byte]) for byte in document(b"abc" * 100)], 0.02
    with pytest.raises(FetchError, match=r"^no complete response came within 0\.3 seconds$"):
        get(url_of(receiver))


def test_a_slow_resolver_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_SECONDS", 0.1)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(10)
        raise AssertionError

    with pytest.raises(FetchError, match=r"^no complete response came within"):
        asyncio.run(Outbound(allow_loopback=False, resolve=resolve).get("https://a.example/"))


def test_the_host_is_resolved_once_and_the_checked_address_is_used(receiver: Receiver) -> None:
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    outbound = Outbound(allow_loopback=True, resolve=resolve)
    url = f"http://rebinding.example:{receiver.port}/"
    assert asyncio.run(outbound.get(url)).body == b"{}"
    assert asked == ["rebinding.example"]
    assert f"Host: rebinding.example:{receiver.port}\r\n".encode() in receiver.requests[0]


def test_a_host_that_becomes_private_is_not_connected_to(receiver: Receiver) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["1.1.1.1", "127.0.0.1"]

    outbound = Outbound(allow_loopback=True, resolve=resolve)
    for scheme in ("https", "http"):
        with pytest.raises(RefusedUrlError):
            asyncio.run(outbound.get(f"{scheme}://rebinding.example:{receiver.port}/"))
    assert receiver.connections == 0


def test_the_next_address_is_tried_if_one_does_not_accept_connections(receiver: Receiver) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.9", "127.0.0.1"]

    outbound = Outbound(allow_loopback=True, resolve=resolve)
    assert asyncio.run(outbound.get(url_of(receiver, "a.example"))).body == b"{}"


METHODS = ("GET", "POST")


async def sent(outbound: Outbound, method: str, url: str) -> object:
    """Send a request by a method."""
    return await (outbound.get(url) if method == "GET" else outbound.post(url, {}, b"{}"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", NOT_PUBLIC)
def test_a_host_with_a_bad_address_is_not_connected_to(case: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["1.1.1.1", NOT_PUBLIC[case]]

    async def connect(*_arguments: object, **_options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(asyncio, "open_connection", connect)
    outbound = Outbound(allow_loopback=True, resolve=resolve)
    for check in (sent(outbound, method, "https://a.example/"), outbound.check("https://a.example/")):
        with pytest.raises(RefusedUrlError, match=r"^its host must have only public addresses$"):
            asyncio.run(check)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", BAD_URLS)
def test_a_bad_url_is_not_requested(case: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(*_arguments: object, **_options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(asyncio, "open_connection", connect)
    with pytest.raises(RefusedUrlError):
        asyncio.run(sent(Outbound(allow_loopback=False), method, BAD_URLS[case]))


def post(url: str, **headers: str) -> int:
    return asyncio.run(Outbound(allow_loopback=True).post(url, headers, b'{"a": "b"}'))


def test_a_message_is_posted_to_the_checked_address(receiver: Receiver) -> None:
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    receiver.reply = [b"HTTP/1.1 103 Early Hints\r\n\r\n" + document(b"", status="202 Accepted")]
    outbound = Outbound(allow_loopback=True, resolve=resolve)
    url = f"http://rebinding.example:{receiver.port}/changes"
    assert asyncio.run(outbound.post(url, {"webhook-id": "a"}, b"{}")) == 202
    assert asked == ["rebinding.example"]
    (request,) = receiver.requests
    assert request.decode().split("\r\n") == [
        "POST /changes HTTP/1.1",
        f"Host: rebinding.example:{receiver.port}",
        "webhook-id: a",
        "Content-Length: 2",
        "Connection: close",
        "",
        "{}",
    ]


@pytest.mark.parametrize("case", REDIRECTS)
def test_a_redirect_of_a_message_is_not_followed(receiver: Receiver, case: str) -> None:
    receiver.reply = [REDIRECTS[case]]
    assert post(url_of(receiver)) == int(case)
    assert receiver.connections == 1


def test_the_body_of_a_response_to_a_message_is_not_read(receiver: Receiver) -> None:
    receiver.reply = [b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"]
    assert post(url_of(receiver)) == 200


@pytest.mark.parametrize("case", ["hints without an end", "a head without an end", "no HTTP", "nothing"])
def test_another_response_to_a_message_is_an_error(receiver: Receiver, case: str) -> None:
    receiver.reply, reason = REFUSED[case]
    with pytest.raises(FetchError, match=rf"^{reason}$"):
        post(url_of(receiver))


def test_a_slow_receiver_of_a_message_is_given_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_POST_SECONDS", 0.3)
    receiver.pause = 1
    with pytest.raises(FetchError, match=r"^no complete response came within 0\.3 seconds$"):
        post(url_of(receiver))


def test_a_check_does_not_wait_for_a_slow_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "CHECK_SECONDS", 0.1)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(10)
        raise AssertionError

    asyncio.run(Outbound(allow_loopback=False, resolve=resolve).check("https://a.example/"))


PRIVATE = [
    "https://127.0.0.1:{}/",
    "https://localhost:{}/",
    "https://[::ffff:127.0.0.1]:{}/",
    "https://user@127.0.0.1:{}/",
]


@pytest.mark.parametrize("in_development", [True, False], ids=["development", "production"])
@pytest.mark.parametrize("url", PRIVATE)
def test_no_connection_is_made_to_a_private_address(receiver: Receiver, url: str, *, in_development: bool) -> None:
    with pytest.raises(RefusedUrlError):
        get(url.format(receiver.port), in_development=in_development)
    assert receiver.connections == 0


def test_http_is_refused_in_production(receiver: Receiver) -> None:
    with pytest.raises(RefusedUrlError, match=r"^it must begin with https://$"):
        get(url_of(receiver), in_development=False)
    assert receiver.connections == 0


def test_a_host_without_an_address_or_a_listener_is_an_error() -> None:
    with receiving() as receiver:
        port = receiver.port
    for url in (f"http://127.0.0.1:{port}/", "https://wisteria.invalid/", f"https://{'a' * 64}.example/"):
        with pytest.raises(FetchError, match=r"^the host has no address, or does not accept connections$"):
            get(url)


def get_over_tls(receiver: Receiver, trusted: Path | None, host: str = "127.0.0.1") -> Fetched:
    """Fetch over TLS from this machine, as if its address was checked."""
    outbound = Outbound(allow_loopback=False, trusted=None if trusted is None else str(trusted))
    target = parse_target(f"https://{host}:{receiver.port}/keys", allow_loopback=False)
    return asyncio.run(outbound.get_from(["127.0.0.1"], target))


def test_tls_is_verified_for_the_host(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path, "other")
    with receiving(certificate=authority.issue("127.0.0.1")) as receiver:
        assert get_over_tls(receiver, authority.file).body == b"{}"
        assert receiver.requests[0].startswith(b"GET /keys HTTP/1.1\r\n")
        for trusted, host in ((other.file, "127.0.0.1"), (None, "127.0.0.1"), (authority.file, "a.example")):
            with pytest.raises(FetchError, match=r"^TLS failed: CERTIFICATE_VERIFY_FAILED$"):
                get_over_tls(receiver, trusted, host)
        wait_until(lambda: receiver.connections == 4)
        assert len(receiver.requests) == 1


def test_a_receiver_without_tls_gets_no_request(receiver: Receiver) -> None:
    receiver.reply = []
    with pytest.raises(FetchError, match=r"^(TLS failed: .+|the host .+)$"):
        get_over_tls(receiver, None)
    assert all(b"GET" not in request for request in receiver.requests)
