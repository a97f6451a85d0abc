"""Requests that the server makes to URLs of others: only to public hosts over TLS, bounded in time and size.

The package is independent of what is requested. Nobody outside may use the server to reach what only the server can reach.
"""

from app.outbound.target import RefusedUrlError, Target, parse_target

__all__ = ["RefusedUrlError", "Target", "parse_target"]
