"""Types of settings with validators: URLs, paths, and lists of hosts, origins and proxies."""

import re
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_network
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from app.database_url import read_database_url

Network = TypeVar("Network", IPv4Network, IPv6Network)


def _check_database_url(url: str) -> str:
    read_database_url(url)
    return url


def split_names(value: object) -> object:
    """Split a text at its commas and return the names in it; return any other value unchanged."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _matching(pattern: re.Pattern[str], rule: str) -> AfterValidator:
    """Return a validator of texts that raises `ValueError` with the text `rule` unless `pattern` matches a whole text."""

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(rule)
        return value

    return AfterValidator(check)


def _check_origin(origin: str) -> str:
    """Return an origin as browsers send it: without the default port of HTTP or HTTPS, and in lower case."""
    scheme = origin.partition("://")[0].lower()
    if scheme in _DEFAULT_PORTS:  # other schemes keep the case of the host
        origin = origin.lower().removesuffix(_DEFAULT_PORTS[scheme])
    if origin != "*" and not _ORIGIN.fullmatch(origin):
        message = "must list origins: scheme, host and port if any, without a slash, a path or a wildcard, such as https://app.example.org"
        raise ValueError(message)
    return origin


def _check_proxy(proxy: str) -> str:
    """Return an IP address or network in its normal form, and `*` unchanged.

    An IPv4-mapped IPv6 address becomes IPv4. Raise `ValueError` for any other text.
    """
    if proxy == "*":
        return proxy
    try:
        network = ip_network(proxy, strict=False)
    except ValueError:
        message = "must list IP addresses or networks, such as 10.0.0.5 or 10.0.0.0/8"
        raise ValueError(message) from None
    address = network.network_address
    if isinstance(address, IPv6Address) and address.ipv4_mapped and network.prefixlen >= _MAPPED_BITS:
        network = ip_network((address.ipv4_mapped, network.prefixlen - _MAPPED_BITS))
    return str(network if network.num_addresses > 1 else network.network_address)


def _cover_all(family: type[Network], proxies: list[str]) -> bool:
    """Return whether the addresses and networks together contain every address of an IP version."""
    networks = []
    for proxy in proxies:
        with suppress(ValueError):  # the proxy has the other IP version
            networks.append(family(proxy))
    return any(network.prefixlen == 0 for network in collapse_addresses(networks))


def cover_all_addresses(proxies: list[str]) -> bool:
    """Return whether the proxies include every IPv4 address or every IPv6 address."""
    return "*" in proxies or _cover_all(IPv4Network, proxies) or _cover_all(IPv6Network, proxies)


def with_mapped(proxies: list[str]) -> list[str]:
    """Return the proxies and the IPv4-mapped IPv6 form of each IPv4 proxy, which a server that listens on `::` sees."""
    mapped = []
    for proxy in proxies:
        with suppress(ValueError):  # the proxy is IPv6, or *
            network = IPv4Network(proxy)
            mapped.append(f"::ffff:{network.network_address}/{_MAPPED_BITS + network.prefixlen}")
    return proxies + mapped


_NAME: Final = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
_AUTHORITY: Final = rf"(?:\[[0-9A-Fa-f:.]+\]|{_NAME})(?::[0-9]{{1,5}})?"
_ISSUER: Final = re.compile(rf"https?://{_AUTHORITY}(?:/[^\s?#]*)?", re.IGNORECASE)
_ORIGIN: Final = re.compile(rf"[a-zA-Z][a-zA-Z0-9+.-]*://{_AUTHORITY}")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_HOST: Final = re.compile(rf"{_NAME}\.?|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?")
_ADDRESS: Final = rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_NAME}"
_SENDER: Final = re.compile(rf"{_ADDRESS}|(?:[^<>@,;:\"\r\n]*|\"[^\"\r\n]*\" ?)<{_ADDRESS}>")
_ROOT_PATH: Final = re.compile(r"((/[A-Za-z0-9._~-]+)+)?")
_MAPPED_BITS: Final = 96
"""The prefix length of ::ffff:0:0/96, the network of IPv4-mapped IPv6 addresses."""
DatabaseUrl = Annotated[str, AfterValidator(_check_database_url)]
Issuer = Annotated[
    str,
    _matching(
        _ISSUER,
        "must be this API's own URL with its scheme, and without user, query and fragment, such as https://api.example.org",
    ),
]
Origins = Annotated[list[Annotated[str, AfterValidator(_check_origin)]], NoDecode, BeforeValidator(split_names)]
_ListedHost = Annotated[
    str, _matching(_HOST, "must list host names in ASCII, without scheme, port, path and *, such as api.example.org")
]
Hosts = Annotated[list[_ListedHost], NoDecode, BeforeValidator(split_names)]
Proxies = Annotated[list[Annotated[str, AfterValidator(_check_proxy)]], NoDecode, BeforeValidator(split_names)]
OwnHost = Annotated[str, _matching(_HOST, "must be an IP address or a host name of this machine, such as 127.0.0.1")]
Sender = Annotated[
    str,
    _matching(_SENDER, "must be an e-mail address, alone or after a name, such as Afterglow <hello@example.org>"),
]
RootPath = Annotated[str, _matching(_ROOT_PATH, "must be a path without a slash at its end, such as /afterglow")]
