"""URLs in responses, prefixed with the path (such as `/afterglow`) below which a proxy serves the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_root_path: Final = ContextVar("root_path", default="")


def serve_below(root_path: str) -> None:
    """Make `public_url` prefix `root_path` for the rest of the current request and in the tasks that the request
    starts.
    """
    _root_path.set(root_path)


@contextmanager
def served_below(root_path: str) -> Iterator[None]:
    """Make `public_url` prefix `root_path` inside the `with` block."""
    token = _root_path.set(root_path)
    try:
        yield
    finally:
        _root_path.reset(token)


def public_url(path: str) -> str:
    """Return the relative URL at which clients reach a path of the API. It starts with a slash."""
    return _root_path.get() + path
