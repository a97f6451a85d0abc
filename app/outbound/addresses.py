"""Resolves the host of a URL to IP addresses, and checks whether requests may be sent to these addresses."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from app.outbound.target import RefusedUrlError, Target

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""A function that returns all IP addresses of a host for a port.

The function raises `OSError` or `UnicodeError` if the host has no address.
"""

_NOT_PUBLIC: Final = tuple(
    ip_network(each)
    for each in (
        "192.0.0.0/24",  # IETF protocol assignments (RFC 6890), some of which Python calls global
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
        "64:ff9b:1::/48",  # NAT64 in one network (RFC 8215)
        "2001::/32",  # Teredo (RFC 4380)
        "2002::/16",  # 6to4 (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
        "::/96",  # IPv4-compatible (RFC 4291)
        "::ffff:0:0/96",  # IPv4-mapped (RFC 4291)
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
    )
)
"""Networks with addresses that are not public, or that represent IPv4 addresses which may not be public."""


MAX_RESOLVING: Final = 32
"""The maximum number of hosts that one process resolves at the same time."""


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the pool of threads that resolve hosts.

    If a name server does not answer, a thread stays busy even after its request has timed out. So hosts are not
    resolved by the event loop's own threads, which other work needs.
    """
    return ThreadPoolExecutor(MAX_RESOLVING, "resolver")


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return all IP addresses of a host, from the system's resolver."""
    resolve = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_threads(), resolve)
    return [str(each[4][0]) for each in found]


def is_public(text: str) -> bool:
    """Return whether an IP address is an address of the public Internet."""
    address = _parsed(text)
    return (
        address is not None
        and address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not (isinstance(address, IPv6Address) and address.is_site_local)
        and not any(address in network for network in _NOT_PUBLIC)
    )


def is_loopback(text: str) -> bool:
    """Return whether an IP address is a loopback address of this machine."""
    address = _parsed(text)
    return address is not None and address.is_loopback


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an IP address. Return None if it has a zone (`fe80::1%eth0`): it is then valid only within one network."""
    return None if "%" in text else ip_address(text)


async def checked_addresses(target: Target, resolve: Resolve) -> Sequence[str]:
    """Return the IP addresses of a target's host.

    Raise `RefusedUrlError` unless all are public addresses (https), or all are loopback addresses (http). The caller
    sends its request to one of these addresses, and does not resolve the host again, so that a name server cannot
    return another address after the check.
    """
    addresses = await resolve(target.host, target.port)
    is_allowed = is_public if target.is_tls else is_loopback
    if not addresses or not all(map(is_allowed, addresses)):
        message = (
            "its host must have only public addresses" if target.is_tls else "with http, its host must be this machine"
        )
        raise RefusedUrlError(message)
    return addresses
