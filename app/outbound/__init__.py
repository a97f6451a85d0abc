"""Requests that the server sends to URLs that others provide: only to public hosts over TLS, limited in time and size.

The limits prevent server-side request forgery: a URL must not make the server send requests inside its own network.
"""

from app.outbound.fetching import Fetched, FetchError, Outbound
from app.outbound.target import RefusedUrlError, Target, parse_target

__all__ = ["FetchError", "Fetched", "Outbound", "RefusedUrlError", "Target", "parse_target"]
