"""URLs in responses, if a proxy serves the API below a path such as `/afterglow`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_root_path: Final = ContextVar("root_path", default="")


def serve_below(root_path: str) -> None:
    """Put `root_path` before the URLs that are made for this request, also in tasks that it starts."""
    _root_path.set(root_path)


@contextmanager
def served_below(root_path: str) -> Iterator[None]:
    """Put `root_path` before the URLs that are made inside the `with` block."""
    token = _root_path.set(root_path)
    try:
        yield
    finally:
        _root_path.reset(token)


def public_url(path: str) -> str:
    """Return the URL of a path of the API, as clients reach it: relative, starting with a slash."""
    return _root_path.get() + path
