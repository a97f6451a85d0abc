"""Importing without garbage collection: an import creates many objects and almost no garbage (decision 031)."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Turn the garbage collector off in the block, and exclude what exists at its end from later collections."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
