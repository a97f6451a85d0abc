"""Slots: limit the number of expensive requests of one type, such as exports, that a worker serves at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.problems import Unavailable

RETRY_SECONDS: Final = 10


class Slots:
    """The slots that all requests of one type share in a worker."""

    def __init__(self, limit: int) -> None:
        """Start with all `limit` slots free."""
        self._limit = limit
        self.taken = 0

    @contextmanager
    def take(self, refusal: str) -> Iterator[None]:
        """Occupy a slot during the block. If no slot is free, raise `Unavailable` with `refusal` as its detail."""
        if self.taken >= self._limit:
            problem = Unavailable(refusal)
            problem.headers["Retry-After"] = str(RETRY_SECONDS)
            raise problem
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
