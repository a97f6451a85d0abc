"""Writes a ZIP file to a stream. Each file is compressed while it is written, so that it is never in memory as a whole.

Python's `zipfile` writes the format. On a stream that cannot seek, it writes the size and the CRC of a file after the
content (APPNOTE 4.3.9). It uses ZIP64 for a file that may have 2 GiB or more. Every file gets the date of the archive,
so that the same content results in the same bytes.
"""

import hashlib
import stat
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

STEP_BYTES: Final = 64 * 1024
"""The minimum number of bytes that are compressed in one step, which takes about 2 ms."""
_MODE: Final = stat.S_IFREG | 0o600


class _Sink:
    """The file object to which `zipfile` writes: it buffers the bytes until `drain` returns them."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Do nothing. `drain` returns the bytes that were written."""

    def drain(self) -> bytes:
        drained = bytes(self._written)
        self._written.clear()
        return drained


class ZipStream:
    """A ZIP file that is written in steps.

    `add` yields the bytes of the ZIP file that each step has produced. Many steps produce none. `close` returns the
    last bytes.
    """

    def __init__(self, moment: datetime) -> None:
        """Start a ZIP file. `moment` becomes the date of all files in it, in UTC."""
        self.files: list[dict[str, Any]] = []
        """The files that were added: the path, the number of records, the size in bytes and the SHA-256 of each."""
        self._date = (max(moment.year, 1980), moment.month, moment.day, moment.hour, moment.minute, moment.second)
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w")  # type: ignore[call-overload]

    def add(
        self, path: str, parts: Iterable[bytes], *, records: int | None = None, max_bytes: int = 0
    ) -> Iterator[bytes]:
        """Add a file whose content is `parts`; after each step, yield the bytes of the ZIP file that are ready.

        `max_bytes` is an upper limit of the content's size, which is required for 2 GiB or more. `records` is the
        number of records in the file, for the list `files`.
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
