"""Sends requests to URLs that other parties provide: only to public hosts over TLS, with limits on time and size.

This prevents server-side request forgery: a URL must not make the server send requests inside its own network.
"""

from app.outbound.fetching import Fetched, FetchError, Outbound
from app.outbound.target import RefusedUrlError, Target, parse_target

__all__ = ["FetchError", "Fetched", "Outbound", "RefusedUrlError", "Target", "parse_target"]
