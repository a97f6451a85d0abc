"""The spool of an export: temporary files with all records and the access log of an owner, from one snapshot.

Because of the spool, no database connection is needed while a client reads the archive. The file with the records
contains the sealed documents of the database, and the file with the access log is encrypted, so that no word of the
owner is on the disk unencrypted. The files have no name in the file system, and only the server's user can read them
(mode 0600). The operating system deletes the files when they are closed or the process ends, also after a crash. Memory
holds only two lists of short keys: about 150 bytes for each record.
"""

import os
import struct
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from heapq import merge
from typing import Final, NamedTuple, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from app import json_strict
from app.archive.encrypted_file import BLOCK_BYTES, EncryptedFile, disk_errors
from app.db import Row
from app.ids import make_id
from app.records.codec import record_json
from app.records.resource import Resource, kinds
from app.sealing import OwnerKeys

_HEADER: Final = struct.Struct(">B16sQQIQB16sI")
_OFFSET: Final = struct.Struct(">Q")
_NONE: Final = 255
"""The value of `_Header.parent_collection` for a record without a parent."""
_YEAR_1: Final = datetime(1, 1, 1, tzinfo=ZoneInfo("UTC"))
_MICROSECOND: Final = timedelta(microseconds=1)

Change = tuple[str, UUID, int, bytes]
"""The collection, the id, the sequence number and the sealed document of a record that exists."""


class _Header(NamedTuple):
    """The header before the sealed document of a record in the file.

    `created` is the time of the record's creation. `day` (an ordinal) and `time` are those of the record's entry in the
    journal. Times are in microseconds since the year 1. `parent` is the id of the record whose entry this entry
    follows. A collection is stored as its position in `kinds()`. `length` is the number of bytes of the document.
    """

    collection: int
    id: bytes
    seq: int
    created: int
    day: int
    time: int
    parent_collection: int
    parent: bytes
    length: int


class Spooled(NamedTuple):
    """A record that was read from the spool. `document` is the decrypted JSON text of its fields."""

    resource: Resource
    id: UUID
    seq: int
    document: str

    @property
    def values(self) -> Row:
        """The members of the record's document, as JSON values."""
        values: Row = orjson.loads(self.document)
        return values


class AccessLines(EncryptedFile):
    """An encrypted temporary file with the entries of the access log, each a line of JSON."""

    count = 0
    """The number of entries of the access log."""

    def add(self, entries: Iterable[Row]) -> None:
        """Append entries of the access log. Raise `StorageFull` if the disk is full."""
        for entry in entries:
            self.append(json_strict.dump(entry) + b"\n")
            self.count += 1

    def parts(self) -> Iterator[bytes]:
        """Yield all lines, in parts of at most `BLOCK_BYTES`."""
        return (self.read(start, BLOCK_BYTES) for start in range(0, self.size, BLOCK_BYTES))


class Spool:
    """The records and the access log of an owner, in temporary files.

    First `add` all records, then call `finish`, then read the records in any order. The files are closed at the end of
    a `with` block.
    """

    def __init__(self, keys: OwnerKeys, timezone: str) -> None:
        """Create an empty spool; raise `StorageFull` if a temporary file cannot be created.

        `keys` decrypt the documents. `timezone` is the owner's IANA time zone.
        """
        self.timezone = timezone
        self.version = 0
        """The version of the latest change in the snapshot, which is the cursor of the archive."""
        self.epoch_version = 0
        """The version of the sequence number 0 in the snapshot's epoch. A record's version is this plus its number."""
        self.counts = [0] * len(kinds())
        """The number of records of each kind, in the order of `kinds()`."""
        self.sizes = [0] * len(kinds())
        """The size of the sealed documents of each kind, in bytes, in the order of `kinds()`."""
        self.accesses = AccessLines()
        """The access log."""
        self._keys = keys
        self._numbers = {resource.collection: number for number, resource in enumerate(kinds())}
        with disk_errors():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        self._end = 0
        self._runs: list[tuple[list[bytes], list[bytes]]] = []
        """Two sorted lists of keys for each call of `add`: those for `_by_creation`, and those for `_by_id`."""
        self._by_creation: list[bytes] = []
        """A key for each record, sorted: collection, time of creation, id, and offset in the file."""
        self._by_id: list[bytes] = []
        """A key for each record, sorted: collection, id, and offset in the file."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close and delete the temporary files."""
        self._file.close()
        self.accesses.close()

    def add(self, changes: Sequence[Change]) -> None:
        """Append records. Raise `UnreadableRecord` if one cannot be decrypted, or `StorageFull` if the disk is full."""
        parts, by_creation, by_id = [], [], []
        for collection, id, seq, sealed in changes:
            number = self._numbers[collection]
            values = orjson.loads(self._keys.open(collection, id, seq, sealed))
            created = _microseconds(values["created_at"])
            header = _HEADER.pack(number, id.bytes, seq, created, *self._entry(kinds()[number], values), len(sealed))
            offset = _OFFSET.pack(self._end)
            by_creation.append(header[:1] + created.to_bytes(8, "big") + id.bytes + offset)
            by_id.append(header[:17] + offset)
            self.counts[number] += 1
            self.sizes[number] += len(sealed)
            self._end += len(header) + len(sealed)
            parts += [header, sealed]
        self._runs.append((sorted(by_creation), sorted(by_id)))
        with disk_errors():
            self._file.write(b"".join(parts))

    def finish(self) -> None:
        """End the adding of records: flush the file, and merge the sorted lists of keys.

        Sorting all keys at once would block the other threads.
        """
        with disk_errors():
            self._file.flush()
        self._by_creation = [*merge(*(by_creation for by_creation, _ in self._runs))]
        self._by_id = [*merge(*(by_id for _, by_id in self._runs))]
        self._runs.clear()

    def lines(self, resource: Resource) -> Iterator[bytes]:
        """Yield a line of JSON for each record of a kind, as `GET` returns the record, by time of creation and id."""
        number = self._numbers[resource.collection]
        start = sum(self.counts[:number])
        for key in self._by_creation[start : start + self.counts[number]]:
            spooled = self._read(key[-8:])
            text = record_json(str(spooled.id), self.epoch_version + spooled.seq, spooled.document)
            yield text.encode() + b"\n"

    def find(self, resource: Resource, id: UUID) -> Spooled | None:
        """Return the record of a kind with an id; None if the spool does not have it."""
        offset = self._find(bytes([self._numbers[resource.collection]]) + id.bytes)
        return None if offset is None else self._read(offset)

    def entries(self) -> Iterator[bytes]:
        """Yield a sort key for the journal entry of each record, in no particular order.

        If the keys are sorted, they are in the order of the entries in the journal. A key consists of the entry's
        position (`_position`) and of the record's offset in the file (8 bytes).
        """
        for key in self._by_id:
            yield self._position(key[-8:]) + key[-8:]

    def entry(self, key: bytes) -> Spooled:
        """Return the record to which a key of `entries` belongs."""
        return self._read(key[-8:])

    def _entry(self, resource: Resource, values: Row) -> tuple[int, int, int, bytes]:
        """Return what determines the place of a record's entry in the journal: `day`, `time` and the parent.

        They are the members `day`, `time`, `parent_collection` and `parent` of a `_Header`.
        """
        moment = datetime.fromisoformat(resource.journal.instant(values))
        day = moment.astimezone(zone(values.get("timezone") or self.timezone)).toordinal()
        field = resource.on_delete_cascade
        parent = None if field is None else values[field]
        time = (moment - _YEAR_1) // _MICROSECOND
        if field is None or parent is None:
            return day, time, _NONE, bytes(16)
        return day, time, self._numbers[resource.targets[field].collection], make_id(parent).bytes

    def _position(self, offset: bytes) -> bytes:
        """Return the position in the journal of the entry of the record at an offset in the file.

        It begins with the day and the time of the entry. If the record has a parent in the spool, it begins with the
        position of the parent's entry and the record's time of creation instead. It ends with collection and id.
        """
        header = self._header(offset)
        # the parent's key sorts before the keys of its children: after the parent's position, it continues with an
        # offset in the file, and a child's key with a time of creation, which is greater than any offset
        this = bytes([header.collection]) + header.id
        above = self._find(bytes([header.parent_collection]) + header.parent)
        if above is None:
            return header.day.to_bytes(4, "big") + header.time.to_bytes(8, "big") + this
        return self._position(above) + header.created.to_bytes(8, "big") + this

    def _find(self, key: bytes) -> bytes | None:
        place = bisect_left(self._by_id, key)
        found = self._by_id[place] if place < len(self._by_id) else b""
        return found[-8:] if found.startswith(key) else None

    def _header(self, offset: bytes) -> "_Header":
        return _Header._make(_HEADER.unpack(os.pread(self._file.fileno(), _HEADER.size, *_OFFSET.unpack(offset))))

    def _read(self, offset: bytes) -> Spooled:
        header = self._header(offset)
        resource, id = kinds()[header.collection], make_id(header.id)
        (start,) = _OFFSET.unpack(offset)
        sealed = os.pread(self._file.fileno(), header.length, start + _HEADER.size)
        return Spooled(resource, id, header.seq, self._keys.open(resource.collection, id, header.seq, sealed))


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Return the IANA time zone with a name. Zones are cached."""
    return ZoneInfo(name)


def _microseconds(instant: str) -> int:
    """Return the microseconds from the beginning of the year 1 to an instant in RFC 3339 format."""
    return (datetime.fromisoformat(instant) - _YEAR_1) // _MICROSECOND
