"""The network that a request comes from. Throttling counts the attempts and requests of each network."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request


async def network_of(request: Request) -> str:
    """Return the network of a request: an IPv4 address, an IPv6 /64, or `local` if the client has no IP address."""
    client = request.client
    try:
        address = ip_address("" if client is None else client.host)
    except ValueError:
        return "local"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)


Network = Annotated[str, Depends(network_of)]
