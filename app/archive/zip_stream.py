"""Writing a ZIP file to a stream: each file is compressed as it is written, and only its size and SHA-256 are kept.

The standard library does the writing. On a stream that cannot seek, it puts the size and the CRC of a file after the
content (APPNOTE 4.3.9), and it uses ZIP64 for a file that may have 2 GiB or more. Every file gets the date of the
archive, so that equal content makes equal bytes.
"""

import hashlib
import stat
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

STEP_BYTES: Final = 64 * 1024
"""The number of bytes that are compressed at once, which takes about 2 ms."""
_MODE: Final = stat.S_IFREG | 0o600


class _Sink:
    """A write-only file that buffers bytes until they are drained."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: `drain` returns what was written."""

    def drain(self) -> bytes:
        drained = bytes(self._written)
        self._written.clear()
        return drained


class ZipStream:
    """A ZIP file in progress. `add` yields the bytes to send after each step, often none; `close` returns the rest."""

    def __init__(self, moment: datetime) -> None:
        """Take the date of all files, in UTC."""
        self.files: list[dict[str, Any]] = []
        """The files that were written: the path, number of records, size in bytes and SHA-256 of each."""
        self._date = (max(moment.year, 1980), moment.month, moment.day, moment.hour, moment.minute, moment.second)
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w")  # type: ignore[call-overload]

    def add(
        self, path: str, parts: Iterable[bytes], *, records: int | None = None, max_bytes: int = 0
    ) -> Iterator[bytes]:
        """Add a file that consists of `parts`, and yield the bytes to send after each step.

        The file has at most `max_bytes`. `records` is the number of its records, for `files`.
        """
        info = zipfile.ZipInfo(path, self._date)
        info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, _MODE << 16
        size, digest, pending = 0, hashlib.sha256(), bytearray()
        with self._zip.open(info, "w", force_zip64=max_bytes >= zipfile.ZIP64_LIMIT) as file:
            for part in parts:
                pending += part
                if len(pending) >= STEP_BYTES:
                    size += len(pending)
                    digest.update(pending)
                    file.write(pending)
                    pending.clear()
                    yield self._sink.drain()
            size += len(pending)
            digest.update(pending)
            file.write(pending)
        self.files.append({"path": path, "records": records, "bytes": size, "sha256": digest.hexdigest()})
        yield self._sink.drain()

    def close(self) -> bytes:
        """Finish the ZIP file; return its last bytes, which contain the central directory."""
        self._zip.close()
        return self._sink.drain()
