"""A temporary file for what a person wrote, encrypted with a random key that is only in the memory of this process.

The file has no name in the file system, and only the server's user can read it (mode 0600). The operating system
deletes the file when it is closed or the process ends, also after a crash. Blocks of the file that remain on the disk
cannot be decrypted, because the key is gone.
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
    """An encrypted temporary file: bytes are appended, and can be read at any position.

    The file is encrypted in blocks of `BLOCK_BYTES`. At most two blocks are in memory.
    """

    def __init__(self) -> None:
        """Create an empty file with a new key; raise `StorageFull` if the file cannot be created."""
        self.size = 0
        """The number of bytes that were appended."""
        self._cipher = Cipher(os.urandom(KEY_BYTES))
        self._last = bytearray()
        """The bytes after the last complete block. They are written to the disk when they fill a block."""
        self._number, self._block = -1, b""
        """The number and the decrypted content of the block that was read last; -1 before the first read."""
        with disk_errors():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close and delete the file."""
        self.close()

    def close(self) -> None:
        """Close the file. The operating system then deletes the file, because it has no name."""
        self._file.close()

    def append(self, content: bytes | bytearray) -> None:
        """Append bytes to the file. Raise `StorageFull` if the disk is full."""
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
    """Execute the body of a `with`. If it raises an `OSError`, log `archive-not-spooled` and raise `StorageFull`."""
    try:
        yield
    except OSError as error:
        observability.log_event("archive-not-spooled", "error", errno=error.errno)
        raise StorageFull from None


def _position(number: int) -> bytes:
    return number.to_bytes(8)
