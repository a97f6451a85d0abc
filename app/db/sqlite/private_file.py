"""The database's file: only its owner may read it, with any umask."""

import os
from contextlib import suppress
from typing import Final

OWNER_ONLY: Final = 0o600


def create_private(path: str) -> None:
    """Create the file if it does not exist, with mode 0600; SQLite gives the files beside it (WAL, SHM) the same mode.

    Do nothing if it cannot be created: the error follows when it is opened.
    """
    with suppress(OSError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ONLY)
        os.fchmod(descriptor, OWNER_ONLY)
        os.close(descriptor)
