"""Reads a ZIP file that may be hostile (APPNOTE.TXT). The structure is checked before anything is decompressed.

Python's `zipfile` does not check enough. It reads all entries of the central directory, even if the end record states
a lower number, so that a million entries fill the memory. It cuts a name at a NUL character. It does not compare the
central directory with the local headers.

A ZIP file that this module accepts is unambiguous: the entries follow each other without a gap, then follows one
central directory, and then the file ends. The names of the entries are unique, also on file systems that ignore case,
and no name leads out of the folder into which the file is unpacked.
"""

import stat
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from app.archive.encrypted_file import EncryptedFile
from app.problems import BadArchive

MAX_ENTRIES: Final = 10_000
MAX_NAME_BYTES: Final = 512
MAX_UNPACKED_BYTES: Final = 256 * 2**20
MAX_RATIO: Final = 200
MIN_RATIO_BYTES: Final = 512 * 2**10
"""The largest size at which the compression ratio of an entry is not limited.

A short repetitive text compresses well, and is not an attack.
"""

_PIECE_BYTES: Final = 64 * 2**10
_END: Final = struct.Struct("<4s4H2LH")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED: Final = 0x2041
"""The bits of an entry's flags that mean an encrypted entry, strong encryption or an encrypted central directory."""
_HAS_DESCRIPTOR, _IS_UTF8 = 0x0008, 0x0800
_KNOWN_FLAGS: Final = 0x0006 | _HAS_DESCRIPTOR | _IS_UTF8
_DESCRIPTOR_SIZES: Final = {12, 16, 20, 24}
"""The possible sizes of a data descriptor: a CRC, two sizes of 4 or 8 bytes each, with or without a signature."""
_UNKNOWN_SIZE: Final = 0xFFFFFFFF

_NOT_A_ZIP: Final = "Send one complete ZIP file, without data before or after it. This is not one, or it is damaged."


class Entry(NamedTuple):
    """An entry of the central directory: a file or a folder.

    `packed` is the compressed and `size` the decompressed size in bytes. `offset` is the position of the local header.
    """

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int

    @property
    def is_folder(self) -> bool:
        """Whether the entry is a folder."""
        return self.name.endswith("/")


class ZipFile:
    """A ZIP file whose structure is valid."""

    def __init__(self, content: EncryptedFile) -> None:
        """Check the structure; raise `BadArchive` if it is not valid."""
        self._content = content
        entries, directory = self._read_directory()
        _check_names(entries)
        self._starts = self._check_layout(entries, directory)
        self.entries = {entry.name: entry for entry in entries if not entry.is_folder}
        """The entries of the files, by name."""
        self.folders = {entry.name for entry in entries if entry.is_folder}
        """The names of the folders that have an entry in the central directory."""

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file, but not more than its stated size. Raise `BadArchive` if it is damaged."""
        entry = self.entries[name]
        packed = self._packed(self._starts[name], entry.packed)
        size = crc = 0
        for piece in _inflated(packed) if entry.method == _DEFLATED else packed:
            size += len(piece)
            if size > entry.size:
                break
            crc = zlib.crc32(piece, crc)
            yield piece
        if (size, crc) != (entry.size, entry.crc):
            raise BadArchive("A file in the archive is damaged: its size or its CRC is wrong.")

    def _packed(self, start: int, size: int) -> Iterator[bytes]:
        """Yield the `size` bytes at the position `start`, in pieces: the compressed content of an entry."""
        for at in range(start, start + size, _PIECE_BYTES):
            yield self._content.read(at, min(_PIECE_BYTES, start + size - at))

    def _read_directory(self) -> tuple[list[Entry], int]:
        """Return the entries of the central directory, and its position. Check the end record and the sizes.

        Raise `BadArchive` if the central directory is not valid.
        """
        position = self._content.size - _END.size
        if position < 0:
            raise BadArchive(_NOT_A_ZIP)
        signature, disk, first_disk, on_disk, count, size, offset, comment = _END.unpack(
            self._content.read(position, _END.size)
        )
        if signature != b"PK\5\6" or comment:
            raise BadArchive(_NOT_A_ZIP)
        if disk or first_disk or on_disk != count:
            raise BadArchive("Send the archive as one file: this one has several parts.")
        if count > MAX_ENTRIES:
            raise BadArchive("An archive may have at most 10000 files.")
        if not count or offset + size != position:
            raise BadArchive(_NOT_A_ZIP)
        entries, at = [], offset
        for _ in range(count):
            entry, at = self._read_entry(at, position)
            entries.append(entry)
        if at != position:
            raise BadArchive(_NOT_A_ZIP)
        if sum(entry.size for entry in entries) > MAX_UNPACKED_BYTES:
            raise BadArchive("The files of an archive may have at most 256 MiB in total, decompressed.")
        return entries, offset

    def _read_entry(self, at: int, end: int) -> tuple[Entry, int]:
        """Return the entry of the central directory at the position `at`, and the position of the next entry.

        `end` is the position after the central directory. Raise `BadArchive` if the entry is not valid.
        """
        if at + _CENTRAL.size > end:
            raise BadArchive(_NOT_A_ZIP)
        fields = _CENTRAL.unpack(self._content.read(at, _CENTRAL.size))
        signature, _, _, flags, method, _, _, crc, packed, size, name_size, extra, comment, disk, _, mode, offset = (
            fields
        )
        name_at = at + _CENTRAL.size
        following = name_at + name_size + extra + comment
        if signature != b"PK\1\2" or following > end or disk:
            raise BadArchive(_NOT_A_ZIP)
        if name_size > MAX_NAME_BYTES:
            raise BadArchive("The name of a file in the archive has more than 512 bytes.")
        raw_name = self._content.read(name_at, name_size)
        entry = Entry(_decoded(raw_name, flags), raw_name, flags, method, crc, packed, size, offset)
        _check_entry(entry, stat.S_IFMT(mode >> 16))
        return entry, following

    def _check_layout(self, entries: list[Entry], directory: int) -> dict[str, int]:
        """Return the position of each entry's content, by name.

        Raise `BadArchive` unless the entries follow each other without a gap, up to the central directory.
        """
        starts = {}
        expected, slack = 0, {0}
        for entry in sorted(entries, key=lambda entry: entry.offset):
            if entry.offset - expected not in slack:
                raise BadArchive("The archive has data between its files, or files that overlap.")
            starts[entry.name] = self._start_of(entry, directory)
            expected = starts[entry.name] + entry.packed
            slack = _DESCRIPTOR_SIZES if entry.flags & _HAS_DESCRIPTOR else {0}
        if directory - expected not in slack:
            raise BadArchive("The archive has data between its files, or files that overlap.")
        return starts

    def _start_of(self, entry: Entry, directory: int) -> int:
        """Return the position of an entry's content in the file.

        Raise `BadArchive` if the local header before the content contradicts the entry in the central directory.
        """
        if entry.offset + _LOCAL.size > directory:
            raise BadArchive(_NOT_A_ZIP)
        signature, _, flags, method, _, _, *stated, name_size, extra = _LOCAL.unpack(
            self._content.read(entry.offset, _LOCAL.size)
        )
        name_at = entry.offset + _LOCAL.size
        start = name_at + name_size + extra
        if signature != b"PK\3\4" or start + entry.packed > directory:
            raise BadArchive(_NOT_A_ZIP)
        true = [entry.crc, entry.packed, entry.size]
        later = entry.flags & _HAS_DESCRIPTOR  # a data descriptor with the CRC and the sizes follows the content
        agrees = all(
            said == known or (later and said in {0, _UNKNOWN_SIZE}) for said, known in zip(stated, true, strict=True)
        )
        named = name_size == len(entry.raw_name) and self._content.read(name_at, name_size) == entry.raw_name
        if (flags, method) != (entry.flags, entry.method) or not named or not agrees:
            raise BadArchive("The central directory of the archive and the headers of its files contradict each other.")
        return int(start)


def _decoded(raw_name: bytes, flags: int) -> str:
    """Return the name of an entry as text: decoded from UTF-8, or else from code page 437, which old programs use.

    Raise `BadArchive` if `flags` says that the name is UTF-8, but it is not.
    """
    try:
        return raw_name.decode()
    except UnicodeDecodeError:
        if flags & _IS_UTF8:
            raise BadArchive("The name of a file in the archive is not UTF-8.") from None
        return raw_name.decode("cp437")


def _check_entry(entry: Entry, file_type: int) -> None:
    """Raise `BadArchive` if the flags, the compression method, the file type or the sizes of an entry are not allowed.

    `file_type` is the file type from the entry's Unix mode, or 0 if it has none.
    """
    if entry.flags & _ENCRYPTED:
        raise BadArchive("Send the archive without encryption.")
    if entry.flags & ~_KNOWN_FLAGS or entry.method not in {_STORED, _DEFLATED}:
        raise BadArchive("The files of an archive are stored, or compressed with Deflate: this one has another method.")
    if file_type not in {0, stat.S_IFDIR if entry.is_folder else stat.S_IFREG}:
        raise BadArchive("An archive has files and folders only: no links, and no devices.")
    if entry.size > max(MIN_RATIO_BYTES, entry.packed * MAX_RATIO):
        raise BadArchive("A file of the archive is compressed to less than a 200th of its size. Compress it less.")
    if (entry.is_folder and entry.size) or (entry.method == _STORED and entry.packed != entry.size):
        raise BadArchive(_NOT_A_ZIP)


def _check_names(entries: list[Entry]) -> None:
    seen = set()
    for entry in entries:
        segments = entry.name.removesuffix("/").split("/")
        if any(unicodedata.category(char) == "Cc" or char in "\\:" for char in entry.name) or {"", ".", ".."} & {
            *segments
        }:
            raise BadArchive("The name of a file in the archive is not a plain path below the archive's folder.")
        key = unicodedata.normalize("NFC", entry.name.removesuffix("/")).casefold()
        if key in seen:
            raise BadArchive("Two files of the archive have the same name.")
        seen.add(key)


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress a Deflate stream, and yield its content in pieces.

    Raise `BadArchive` if the stream is damaged, or does not end with the last byte of `packed`.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in packed:
            if inflater.eof:
                raise BadArchive(_NOT_A_ZIP)
            yield inflater.decompress(piece, _PIECE_BYTES)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, _PIECE_BYTES)
    except zlib.error:
        raise BadArchive("A file in the archive is damaged: it cannot be decompressed.") from None
    if not inflater.eof or inflater.unused_data:
        raise BadArchive(_NOT_A_ZIP)
