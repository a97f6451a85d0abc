"""Archives for tests: valid ones, made from records as GET returns them, and ZIP files with any fault."""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2 as httpx

from app.archive.format import MANIFEST, MEDIA_TYPE, README, SUMS, records_path, sums_line
from tests.drafts import Json
from tests.serving import Person

Files = dict[str, bytes]
ACCOUNT = {"email": "alice@example.com", "display_name": None, "timezone": "Europe/Berlin", "locale": "en"}


def send(person: Person, content: bytes, origin: str = "afterglow") -> httpx.Response:
    """Import an archive."""
    headers = {"Content-Type": MEDIA_TYPE}
    return person.client.post("/v1/import", params={"from": origin}, content=content, headers=headers)


def imported(person: Person, content: bytes, origin: str = "afterglow") -> Json:
    """Import an archive; return the result."""
    response = send(person, content, origin)
    assert response.status_code == 200, response.text
    result: Json = response.json()
    return result


def result(**members: Any) -> Json:
    """Return the result of an import with these members, and without anything else."""
    return {
        "created": 0,
        "unchanged": 0,
        "conflicts": [],
        "rejected": [],
        "skipped": {"empty": 0, "media": 0},
    } | members


def summed(files: Files) -> Files:
    """Return the files with the list of their sums."""
    lines = (sums_line(hashlib.sha256(content).hexdigest(), path) for path, content in files.items())
    return files | {SUMS: "".join(lines).encode()}


def complete(files: Files, **changes: object) -> Files:
    """Return the files of an archive with a manifest, of which these members are changed, and the sums."""
    listed = [
        {
            "path": path,
            "records": len(content.splitlines()) if path.endswith(".jsonl") else None,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for path, content in files.items()
    ]
    manifest = {
        "format": "afterglow",
        "format_version": 1,
        "exported_at": "2026-11-22T10:00:00.000000Z",
        "product_version": "0.1.0",
        "account": ACCOUNT,
        "cursor": "1099511627781",
        "files": listed,
    }
    return summed(files | {MANIFEST: json.dumps(manifest | changes).encode()})


def files_of(records: Mapping[str, Iterable[Json]]) -> Files:
    """Return the files of an archive of records, by collection."""
    files = {README: b"Everything that was written.\n", "journal/2026-11.md": b"# November 2026\n"}
    for collection, each in records.items():
        files[records_path(collection)] = b"".join(json.dumps(record).encode() + b"\n" for record in each)
    return complete(files)


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP file as Python writes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return stream.getvalue()


def archive_of(records: Mapping[str, Iterable[Json]]) -> bytes:
    """Return an archive of records, by collection."""
    return zipped(files_of(records))


def journal(*entries: object, **members: object) -> bytes:
    """Return a JSON file of Day One."""
    return json.dumps({"metadata": {"version": "1.0"}, "entries": entries} | members).encode()


def day_one_export(*entries: object) -> bytes:
    """Return an export of one journal of Day One."""
    return zipped({"Journal.json": journal(*entries)})


def deflated(content: bytes) -> bytes:
    """Return a Deflate stream."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(content) + compressor.flush()


@dataclass
class RawEntry:
    """An entry of a ZIP file, any part of which may be wrong. `local` and `central` replace fields of one header."""

    name: bytes
    content: bytes = b""
    method: int = 8
    flags: int = 0x0800
    mode: int = 0
    packed: bytes | None = None
    descriptor: bytes = b""
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)

    def fields(self, **changes: Any) -> dict[str, Any]:
        """Return the fields of both headers."""
        packed = self.data
        return {
            "signature": b"",
            "name": self.name,
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.content),
            "packed": len(packed),
            "size": len(self.content),
            "extra": b"",
            "comment": b"",
            "disk": 0,
            "mode": self.mode,
        } | changes

    @property
    def data(self) -> bytes:
        """The compressed content."""
        if self.packed is not None:
            return self.packed
        return deflated(self.content) if self.method == 8 else self.content

    def local_header(self) -> bytes:
        """Return the local header."""
        of = self.fields(signature=b"PK\3\4") | self.local
        numbers = (20, of["flags"], of["method"], 0, 0, of["crc"], of["packed"], of["size"])
        head = struct.pack("<4s5H3L2H", of["signature"], *numbers, len(of["name"]), len(of["extra"]))
        return head + bytes(of["name"] + of["extra"])

    def central_header(self, offset: int) -> bytes:
        """Return the header in the central directory."""
        of = self.fields(signature=b"PK\1\2", offset=offset) | self.central
        numbers = (0x0314, 20, of["flags"], of["method"], 0, 0, of["crc"], of["packed"], of["size"])
        sizes = (len(of["name"]), len(of["extra"]), len(of["comment"]), of["disk"], 0)
        head = struct.pack("<4s6H3L5H2L", of["signature"], *numbers, *sizes, of["mode"] << 16, of["offset"])
        return head + bytes(of["name"] + of["extra"] + of["comment"])


def raw_entries(files: Mapping[str, bytes]) -> list[RawEntry]:
    """Return the entries of files."""
    return [RawEntry(path.encode(), content) for path, content in files.items()]


def raw_zip(entries: Iterable[RawEntry], *, before: bytes = b"", between: bytes = b"", **end: Any) -> bytes:
    """Return a ZIP file of entries, with data before it and between the entries and the directory; `end` replaces
    fields of the record at its end, `after` follows it.
    """
    content, directory, count = bytearray(before), bytearray(), 0
    for entry in entries:
        offset = len(content)
        content += entry.local_header() + entry.data + entry.descriptor
        directory += entry.central_header(offset)
        count += 1
    content += between
    of: dict[str, Any] = {
        "disk": 0,
        "first_disk": 0,
        "on_disk": count,
        "count": count,
        "size": len(directory),
        "offset": len(content),
    }
    of |= {"comment": b"", "in_front": b"", "after": b""} | end
    numbers = (of["disk"], of["first_disk"], of["on_disk"], of["count"], of["size"], of["offset"], len(of["comment"]))
    return bytes(
        content
        + directory
        + of["in_front"]
        + struct.pack("<4s4H2LH", b"PK\5\6", *numbers)
        + of["comment"]
        + of["after"]
    )


def changed(entries: list[RawEntry], number: int, **changes: Any) -> list[RawEntry]:
    """Return the entries, with changes of one."""
    return [replace(entry, **changes) if at == number else entry for at, entry in enumerate(entries)]
