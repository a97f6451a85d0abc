"""Malformed requests by name, and parts of them."""

from typing import Final

GET: Final = b"GET /livez HTTP/1.1\r\n"
POST: Final = b"POST /v1/auth/login HTTP/1.1\r\nHost: afterglow\r\nContent-Type: application/json\r\n"
NEXT: Final = GET + b"Host: a\r\n\r\n"
CHUNKED: Final = POST + b"Transfer-Encoding: chunked\r\n"

MALFORMED: Final = {
    "no host": GET + b"\r\n",
    "two hosts": GET + b"Host: a\r\nHost: b\r\n\r\n",
    "the same host twice": GET + b"Host: a\r\nHost: a\r\n\r\n",
    "a folded header": GET + b"Host: a\r\nX-A: b\r\n c\r\n\r\n",
    "a space before the colon": GET + b"Host : a\r\n\r\n",
    "a header without a name": GET + b"Host: a\r\n: b\r\n\r\n",
    "a NUL in a header": GET + b"Host: a\r\nX-A: b\0c\r\n\r\n",
    "bare line feeds": b"GET /livez HTTP/1.1\nHost: a\n\n",
    "length and chunks": CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "a hexadecimal length": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "a length beyond 64 bits": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "a coding besides chunks": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a coding before chunks": POST + b"Transfer-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no coding and chunks": POST + b"Transfer-Encoding: , chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + b"\r\n2\r\n{}\r\n0\r\n\r\n",
    "a fragment": b"GET /livez#a HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment behind a query": b"GET /v1/sessions?limit=1#/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute URL of another host": b"GET http://b/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute URL of a host with the same start": b"GET http://a.b/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute URL with a user": b"GET http://a:b@a/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute URL of another scheme": b"GET ftp://a/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute URL without a Host header": b"GET http://a/livez HTTP/1.0\r\n\r\n",
    "a chunk without a size": CHUNKED + b"\r\nzz\r\n{}\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"\r\n2\r\n{}\r\n0\r\nX-Late: b\r\n\r\n",
    "a long chunk extension": CHUNKED + b"\r\n2;" + b"x" * (1_000_000) + b"\r\n{}\r\n0\r\n\r\n",
    "no version": b"GET /livez\r\n\r\n",
    "an unknown version": b"GET /livez HTTP/9.9\r\nHost: a\r\n\r\n",
    "an unknown method": b"BREW /livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "a byte beyond ASCII in the URL": b"GET /livez\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tunnel": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    "40 000 empty lines": b"\r\n" * 40_000,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
