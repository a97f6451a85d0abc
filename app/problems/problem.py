"""The base class of problems."""

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Self

from app.urls import public_url


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """An error with a problem document (RFC 9457)."""

    status: ClassVar[int]
    code: ClassVar[str]

    def __init__(self, detail: str = "", headers: Mapping[str, str] | None = None, **members: Any) -> None:
        """Take the detail (by default the explanation), headers of the response, and further members of the document."""
        super().__init__(self.code)
        self.detail = detail or self.explanation()
        self.headers = dict(headers or {})
        self.members = members

    @classmethod
    def example(cls) -> Self:
        """Return an example of this kind of problem for the documentation."""
        return cls()

    @classmethod
    @cache
    def title(cls) -> str:
        """Return the title: the first line of the class's docstring."""
        return inspect.cleandoc(cls.__doc__ or "").split("\n", 1)[0].rstrip(".")

    @classmethod
    @cache
    def explanation(cls) -> str:
        """Return the explanation: the docstring below its first line, as one paragraph."""
        return " ".join(inspect.cleandoc(cls.__doc__ or "").split("\n", 1)[1].split())

    @classmethod
    def type_url(cls) -> str:
        """Return the URL that explains this kind of problem, relative to the API's host."""
        return public_url(f"/problems/{cls.code}")

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the problem document (RFC 9457) for the response to a request."""
        return {
            "type": self.type_url(),
            "title": self.title(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            **self.members,
        }


def kinds(root: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Yield every kind of problem below `root`."""
    for kind in root.__subclasses__():
        yield kind
        yield from kinds(kind)
