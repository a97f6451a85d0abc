"""Creates the database's file so that no other user of the operating system may read it, whatever the umask is."""

import os
from contextlib import suppress
from typing import Final

OWNER_ONLY: Final = 0o600


def create_private(path: str) -> None:
    """Create a file with mode 0600 if it does not exist. SQLite gives the files beside it (WAL, SHM) the same mode.

    Raise nothing if the file cannot be created: opening it will raise the error.
    """
    with suppress(OSError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ONLY)
        os.fchmod(descriptor, OWNER_ONLY)
        os.close(descriptor)
