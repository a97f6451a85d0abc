"""An application whose workers cannot start."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


class FailedError(Exception):
    """Says why it cannot start."""


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    raise FailedError
    yield


def create_app() -> FastAPI:
    """Return it."""
    return FastAPI(lifespan=lifespan)
