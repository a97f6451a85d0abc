"""Addresses that a request may be sent to: only public ones, and all of a host."""

import asyncio
from collections.abc import Sequence

import pytest

from app.outbound import RefusedUrlError, parse_target
from app.outbound.addresses import checked_addresses, is_public, resolve_host

PUBLIC = ["1.1.1.1", "9.9.9.9", "193.0.6.139", "2606:4700:4700::1111", "2a00:1450:4001:800::200e"]
NOT_PUBLIC = {
    "this network": "0.0.0.0",  # noqa: S104 - it is refused
    "loopback": "127.0.0.1",
    "loopback, another": "127.255.255.254",
    "private 10": "10.0.0.1",
    "private 172": "172.16.0.1",
    "private 192": "192.168.1.1",
    "shared": "100.64.0.1",
    "link-local": "169.254.1.1",
    "metadata of clouds": "169.254.169.254",
    "protocol assignments": "192.0.0.9",
    "protocol assignments, another": "192.0.0.10",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "benchmarks": "198.18.0.1",
    "relay of 6to4": "192.88.99.1",
    "multicast": "224.0.0.1",
    "multicast, global": "233.252.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "unspecified IPv6": "::",
    "loopback IPv6": "::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped private": "::ffff:10.0.0.1",
    "mapped public": "::ffff:1.1.1.1",
    "compatible": "::7f00:1",
    "translated": "::ffff:0:7f00:1",
    "NAT64 of a private one": "64:ff9b::a00:1",
    "NAT64 of a public one": "64:ff9b::101:101",
    "NAT64 in one network": "64:ff9b:1::1",
    "discard": "100::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "ORCHID": "2001:10::1",
    "documentation IPv6": "2001:db8::1",
    "documentation IPv6, new": "3fff::1",
    "6to4 of loopback": "2002:7f00:1::1",
    "6to4 of a public one": "2002:101:101::1",
    "segment routing": "5f00::1",
    "unique local": "fd00::1",
    "unique local, another": "fc00::1",
    "link-local IPv6": "fe80::1",
    "link-local IPv6 with a zone": "fe80::1%eth0",
    "a public one with a zone": "2606:4700:4700::1111%eth0",
    "site-local": "fec0::1",
    "multicast IPv6": "ff02::1",
    "multicast IPv6, global": "ff0e::1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("case", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(case: str) -> None:
    assert not is_public(NOT_PUBLIC[case])


def checked(url: str, *addresses: str) -> Sequence[str]:
    """Return the checked addresses of a URL whose host has these."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return asyncio.run(checked_addresses(parse_target(url, allow_loopback=True), resolve))


def test_all_addresses_of_a_host_must_be_public() -> None:
    assert checked("https://a.example/", *PUBLIC) == tuple(PUBLIC)
    for addresses in ([*PUBLIC, "10.0.0.1"], ["::1", *PUBLIC], []):
        with pytest.raises(RefusedUrlError, match=r"^its host must have only public addresses$"):
            checked("https://a.example/", *addresses)


def test_with_http_all_addresses_must_be_this_machine() -> None:
    assert checked("http://a.example:8080/", "127.0.0.1", "::1") == ("127.0.0.1", "::1")
    for addresses in (["127.0.0.1", "1.1.1.1"], ["10.0.0.1"], ["::ffff:10.0.0.1"], ["::1%lo"]):
        with pytest.raises(RefusedUrlError, match=r"^with http, its host must be this machine$"):
            checked("http://a.example:8080/", *addresses)


SPELLINGS = ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"]


@pytest.mark.parametrize("host", SPELLINGS)
def test_every_form_of_a_private_address_is_refused_after_it_is_resolved(host: str) -> None:
    target = parse_target(f"https://{host}/", allow_loopback=False)
    with pytest.raises((RefusedUrlError, OSError)):
        asyncio.run(checked_addresses(target, resolve_host))
