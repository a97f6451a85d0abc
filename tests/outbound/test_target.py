"""URLs that a request may be sent to, as far as the URL itself tells."""

import pytest

from app.outbound import RefusedUrlError, Target, parse_target

ACCEPTED = {
    "https://a.example": Target(True, "a.example", 443, "/", "a.example"),  # noqa: FBT003
    "https://a.example:/": Target(True, "a.example", 443, "/", "a.example"),  # noqa: FBT003
    "https://a.example:443/keys": Target(True, "a.example", 443, "/keys", "a.example"),  # noqa: FBT003
    "HTTPS://a.example:8443/k?a=b": Target(True, "a.example", 8443, "/k?a=b", "a.example:8443"),  # noqa: FBT003
    "https://192.0.2.1/": Target(True, "192.0.2.1", 443, "/", "192.0.2.1"),  # noqa: FBT003
    "https://[2001:db8::1]:1024/": Target(True, "2001:db8::1", 1024, "/", "[2001:db8::1]:1024"),  # noqa: FBT003
}
CHARACTERS = "it must have at most 2000 characters"
SCHEME = "it must begin with https://"
HOST = "its host must be a name"
PORT = "its port must be 443, or at least 1024"
REFUSED = {
    "empty": ("", CHARACTERS),
    "long": ("https://a.example/" + "a" * 2000, CHARACTERS),
    "a blank": ("https://a.example/ b", CHARACTERS),
    "a line": ("https://a.example/\r\nHost: b", CHARACTERS),
    "NUL": ("https://a.example/\0", CHARACTERS),
    "a backslash": ("https://a.example\\@b.example/", CHARACTERS),
    "other letters": ("https://\u0430.example/", CHARACTERS),
    "http": ("http://a.example/", SCHEME),
    "ftp": ("ftp://a.example/", SCHEME),
    "a file": ("file:///etc/passwd", SCHEME),
    "no scheme": ("a.example/keys", SCHEME),
    "a relative one": ("//a.example/keys", SCHEME),
    "a user": ("https://user@a.example/", "it must not contain a user name"),
    "a password": ("https://user:word@a.example/", "it must not contain a user name"),
    "an empty user": ("https://@a.example/", "it must not contain a user name"),
    "no host": ("https:///keys", HOST),
    "only a port": ("https://:8443/", HOST),
    "two dots": ("https://a..example/", HOST),
    "a dot at the end": ("https://a.example./", HOST),
    "an escape in the host": ("https://a%2eexample/", HOST),
    "an underscore": ("https://a_b.example/", HOST),
    "a long host": (f"https://{'a' * 254}/", HOST),
    "port 80": ("https://a.example:80/", PORT),
    "port 22": ("https://a.example:22/", PORT),
    "port 0": ("https://a.example:0/", PORT),
    "port 1023": ("https://a.example:1023/", PORT),
    "port 65536": ("https://a.example:65536/", "it is not a URL"),
    "a port in letters": ("https://a.example:https/", "it is not a URL"),
    "an open bracket": ("https://[::1/", "it is not a URL"),
    "a zone": ("https://[fe80::1%25eth0]/", "(it is not a URL|its host must be)"),
    "a fragment": ("https://a.example/#keys", "it must not have a fragment"),
}


@pytest.mark.parametrize("url", ACCEPTED)
def test_a_public_https_url_is_taken_apart(url: str) -> None:
    for allow_loopback in (False, True):
        assert parse_target(url, allow_loopback=allow_loopback) == ACCEPTED[url]


@pytest.mark.parametrize("case", REFUSED)
def test_any_other_url_is_refused_without_repeating_it(case: str) -> None:
    url, reason = REFUSED[case]
    with pytest.raises(RefusedUrlError, match=rf"^{reason}") as refused:
        parse_target(url, allow_loopback=False)
    assert not url or url not in str(refused.value)


def test_development_allows_http_to_a_high_port() -> None:
    assert parse_target("http://localhost:8080/keys", allow_loopback=True) == Target(
        is_tls=False, host="localhost", port=8080, path="/keys", authority="localhost:8080"
    )
    with pytest.raises(RefusedUrlError, match=f"^{PORT}"):
        parse_target("http://localhost/keys", allow_loopback=True)
