"""A temporary file for what a person wrote: encrypted by a key that only this process has, and only while the file is open.

It has no name in the file system and belongs to the process alone (mode 0600): the operating system frees it when it is
closed, also after a crash. What is left on the disk then cannot be read by anybody.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

from app import observability
from app.problems import StorageFull
from app.sealing.aead import KEY_BYTES, NONCE_BYTES, TAG_BYTES, Cipher

BLOCK_BYTES: Final = 64 * 1024
SEALED_BYTES: Final = NONCE_BYTES + BLOCK_BYTES + TAG_BYTES


class EncryptedFile:
    """A file to append to and to read in any order, of which two blocks are in memory."""

    def __init__(self) -> None:
        """Create an empty file; raise `StorageFull` if that is not possible."""
        self.size = 0
        """The number of bytes that were appended."""
        self._cipher = Cipher(os.urandom(KEY_BYTES))
        self._last = bytearray()
        """The end of the content, which does not fill a block yet."""
        self._number, self._block = -1, b""
        """The number of the block that was read last, and the block."""
        with disk_errors():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free the file."""
        self.close()

    def close(self) -> None:
        """Free the file."""
        self._file.close()

    def append(self, content: bytes | bytearray) -> None:
        """Add bytes at the end. Raise `StorageFull` if the disk is full."""
        number = self.size // BLOCK_BYTES
        self._last += content
        self.size += len(content)
        with disk_errors():
            while len(self._last) >= BLOCK_BYTES:
                block = bytes(self._last[:BLOCK_BYTES])
                self._file.write(self._cipher.encrypt(block, _position(number)))
                del self._last[:BLOCK_BYTES]
                number += 1
            self._file.flush()

    def read(self, start: int, size: int) -> bytes:
        """Return the bytes from a position; fewer if the file ends before."""
        end = min(start + size, self.size)
        parts = []
        while start < end:
            number, begin = divmod(start, BLOCK_BYTES)
            parts.append(self._read_block(number)[begin : begin + end - start])
            start += len(parts[-1])
        return b"".join(parts)

    def _read_block(self, number: int) -> bytes:
        if number * BLOCK_BYTES >= self.size - len(self._last):
            return bytes(self._last)
        if number != self._number:
            sealed = os.pread(self._file.fileno(), SEALED_BYTES, number * SEALED_BYTES)
            self._number, self._block = number, self._cipher.decrypt(sealed, _position(number))
        return self._block


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raise `StorageFull` in place of an error of the disk."""
    try:
        yield
    except OSError as error:
        observability.log_event("archive-not-spooled", "error", errno=error.errno)
        raise StorageFull from None


def _position(number: int) -> bytes:
    return number.to_bytes(8)
