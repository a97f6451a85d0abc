"""Turns garbage collection off during imports, which create many objects but almost no garbage (decision 031)."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Turn the cyclic garbage collector off inside the `with` block.

    After the block, the collector ignores all objects that exist at the end of the block.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
