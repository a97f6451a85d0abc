"""A temporary file for what a person wrote, encrypted with a random key that is only in the memory of this process.

The file has no name in the file system, and only the server's user can read it (mode 0600). The operating system frees
it when it is closed, also after a crash. Nobody can decrypt what is left on the disk.
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
    """An append-only file that can be read at any position. At most two of its blocks are in memory."""

    def __init__(self) -> None:
        """Create an empty file with a new key; raise `StorageFull` if the file cannot be created."""
        self.size = 0
        """The number of bytes that were appended."""
        self._cipher = Cipher(os.urandom(KEY_BYTES))
        self._last = bytearray()
        """The end of the content, as long as it does not fill a block."""
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
        """Return `size` bytes from the position `start`, or fewer at the end of the file."""
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
    """If the block raises an `OSError`, log `archive-not-spooled`, and raise `StorageFull` instead."""
    try:
        yield
    except OSError as error:
        observability.log_event("archive-not-spooled", "error", errno=error.errno)
        raise StorageFull from None


def _position(number: int) -> bytes:
    return number.to_bytes(8)
