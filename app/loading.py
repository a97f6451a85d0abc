"""Turns garbage collection off during imports, which create many objects but almost no garbage (decision 031)."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Turn the garbage collector off in the block. Objects that exist at its end are never collected."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
