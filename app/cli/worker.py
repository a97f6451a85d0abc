"""A worker: what uvicorn runs, in a process that serves and does nothing else."""

import gc
from typing import Final

from app.cli.loading import loading

with loading():
    from fastapi import FastAPI

    from app import observability
    from app.main import create_app
    from app.server.protocol import LimitedProtocol

__all__ = ["LimitedProtocol", "application"]
_OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000


def application() -> FastAPI:
    """Return the application. What is loaded by now stays, so the collector need not look it through again and again."""
    observability.SINKS.append(observability.enqueue)
    with loading():
        app = create_app()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    return app
