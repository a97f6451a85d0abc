"""Hostile archives: each is refused with what is wrong, after little work, and changes nothing."""

import json
import stat
import struct
import time
import zipfile
from collections.abc import Callable

import pytest

from app.archive.format import MANIFEST, README, SUMS
from tests.archive.packing import (
    RawEntry,
    archive_of,
    changed,
    complete,
    deflated,
    files_of,
    imported,
    raw_entries,
    raw_zip,
    result,
    send,
    summed,
    zipped,
)
from tests.hostile.conftest import State
from tests.refusals import refused
from tests.serving import Person

RECORD = {
    "id": "019aa2c4-7b00-7000-8000-0000000000f1",
    "version": 1099511627781,
    "created_at": "2026-11-22T18:40:12.504118Z",
    "updated_at": "2026-11-22T18:40:12.504118Z",
    "kind": "session",
    "statement": "wisteria",
}
PATH = "records/intentions.jsonl"
LINE = json.dumps(RECORD).encode() + b"\n"
FILES = files_of({"intentions": [RECORD]})
ENTRIES = raw_entries(FILES)
LAST = len(ENTRIES) - 1
ARCHIVE = archive_of({"intentions": [RECORD]})
MEBIBYTE = b"\0" * 2**20
RATIO = "200th of its size"
DAMAGED = "its size or its CRC is wrong"
NAME = "not a plain path"
NO_ZIP = "one complete ZIP file"
OVERLAP = "data between its files"
DIFFERENT = "contradict each other"
MANIFEST_MEMBERS = "members of an export"
UNKNOWN_FILE = "a file that an export does not have"
SUM = "SHA-256 checksum is wrong"
LISTED = "have to list all other files"
NOT_OBJECT = "is not a JSON object"
TEN_MEBIBYTES = {"size": 10 * 2**20}


def records_file(content: bytes, **listed: int) -> bytes:
    """Return an archive whose file with intentions has this content, with valid sums."""
    files = {path: each for path, each in FILES.items() if path not in {MANIFEST, SUMS}} | {PATH: content}
    done = complete(files)
    manifest = json.loads(done[MANIFEST])
    manifest["files"] = [each | listed if each["path"] == PATH else each for each in manifest["files"]]
    del done[SUMS]
    return zipped(summed(done | {MANIFEST: json.dumps(manifest).encode()}))


def with_manifest(content: bytes) -> bytes:
    """Return the archive with another manifest, with valid sums."""
    files = {path: each for path, each in FILES.items() if path != SUMS}
    return zipped(summed(files | {MANIFEST: content}))


def with_manifest_members(**members: object) -> bytes:
    """Return the archive with other members in the manifest."""
    return with_manifest(json.dumps(json.loads(FILES[MANIFEST]) | members).encode())


def with_file(path: str, content: bytes = b"wisteria") -> bytes:
    """Return the archive with one more file, which the manifest and the sums list."""
    return zipped(
        complete({name: each for name, each in FILES.items() if name not in {MANIFEST, SUMS}} | {path: content})
    )


def without(*paths: str) -> bytes:
    """Return the archive without files."""
    return zipped({path: content for path, content in FILES.items() if path not in paths})


def renamed(name: bytes, **changes: object) -> bytes:
    """Return the archive with one more entry of this name."""
    return raw_zip([*ENTRIES, RawEntry(name, b"wisteria", **changes)])  # type: ignore[arg-type]


def special(kind: int) -> bytes:
    """Return the archive with its README as a special file of Unix."""
    return raw_zip(changed(ENTRIES, 0, mode=kind | 0o644))


def stated(**fields: int) -> dict[str, dict[str, int]]:
    """Return the arguments for an entry whose headers both state something else than what it contains."""
    return {"local": fields, "central": fields}


def quoted() -> bytes:
    """Return a bomb of overlapping entries: each contains the local headers of the following ones as stored blocks."""
    kernel = RawEntry(b"journal/2026-01.md", b"wisteria" * 4096)
    entries = [kernel]
    data = kernel.local_header() + kernel.data
    for month in range(2, 13):
        header = entries[0].local_header()
        quote = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) + header
        inner = entries[0]
        packed = quote + inner.data
        entry = RawEntry(b"journal/2026-%02d.md" % month, header + inner.content, packed=packed)
        entries.insert(0, entry)
        data = entry.local_header() + packed
    offsets, at = [], 0
    for entry in entries:
        offsets.append(at)
        at += len(entry.local_header()) + 5
    directory = b"".join(entry.central_header(offset) for entry, offset in zip(entries, offsets, strict=True))
    count = len(entries)
    return data + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(data), 0)


def many_entries(count: int, stated: int) -> bytes:
    """Return a ZIP file with many empty entries, of which the record at its end states another number."""
    return raw_zip((RawEntry(b"%06x" % number, method=0) for number in range(count)), count=stated, on_disk=stated)


def zip64(count: int) -> bytes:
    """Return a ZIP file whose ZIP64 records state another number of entries."""
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, 0, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    return raw_zip(ENTRIES, in_front=record + locator, count=0xFFFF, on_disk=0xFFFF)


def replace_offset(entry: RawEntry, offset: int) -> RawEntry:
    """Return an entry that the central directory says to be elsewhere."""
    return changed([entry], 0, central={"offset": offset})[0]


def overlong_name() -> bytes:
    """Return a ZIP file whose last entry has a name that reaches beyond the directory."""
    content = bytearray(raw_zip(ENTRIES))
    at = content.rindex(b"PK\1\2")
    content[at + 28 : at + 30] = struct.pack("<H", 5000)
    return bytes(content)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    # bombs
    "one bomb of 300 MiB": (lambda: zipped(FILES | {"journal/2026-10.md": MEBIBYTE * 300}), RATIO),
    "a bomb that lies about its size": (
        lambda: raw_zip(changed(ENTRIES, 0, packed=deflated(MEBIBYTE * 300))),
        DAMAGED,
    ),
    "a bomb that lies about a size within the ratio": (
        lambda: raw_zip(changed(ENTRIES, 1, packed=deflated(MEBIBYTE * 300), **stated(size=2**20))),
        DAMAGED,
    ),
    "many files of 300 MiB together": (
        lambda: raw_zip(
            RawEntry(b"journal/20%d-01.md" % year, packed=b"w" * 60_000, local=TEN_MEBIBYTES, central=TEN_MEBIBYTES)
            for year in range(10, 40)
        ),
        "at most 256 MiB",
    ),
    "a high ratio": (lambda: with_file("journal/2026-10.md", MEBIBYTE), RATIO),
    "entries that quote each other": (quoted, OVERLAP),
    "entries with the same content": (
        lambda: raw_zip([ENTRIES[0], replace_offset(ENTRIES[1], 0)]),
        OVERLAP,
    ),
    "100 000 entries": (lambda: many_entries(100_000, 10_001), "at most 10000 files"),
    "more entries than stated": (lambda: many_entries(30_000, 5), NO_ZIP),
    "fewer entries than stated": (lambda: raw_zip(ENTRIES, count=LAST + 2, on_disk=LAST + 2), NO_ZIP),
    "ZIP64 with 10^6 entries": (lambda: zip64(10**6), "at most 10000 files"),
    "20 001 records": (
        lambda: records_file(b"".join(b'{"id":"%d"}\n' % number for number in range(20_001))),
        "at most 20000 records",
    ),
    "an archive in the archive": (lambda: with_file("records/archive.zip", ARCHIVE), UNKNOWN_FILE),
    # names
    "path traversal": (lambda: renamed(b"../../wisteria.txt"), NAME),
    "path traversal inside": (lambda: renamed(b"records/../../wisteria.jsonl"), NAME),
    "path traversal to a known path": (lambda: renamed(b"journal/../records/sessions.jsonl"), NAME),
    "an absolute path": (lambda: renamed(b"/etc/passwd"), NAME),
    "a backslash": (lambda: renamed(b"records\\..\\wisteria"), NAME),
    "a drive": (lambda: renamed(b"C:/wisteria"), NAME),
    "a drive without a path": (lambda: renamed(b"c:wisteria"), NAME),
    "an empty name": (lambda: renamed(b""), NAME),
    "a name of 513 bytes": (lambda: renamed(b"w" * 513), "has more than 512 bytes"),
    "an empty segment": (lambda: renamed(b"records//sessions.jsonl"), NAME),
    "a dot": (lambda: renamed(b"./README.txt"), NAME),
    "NUL in a name": (lambda: renamed(b"journal/2026-10.md\0.exe"), NAME),
    "a line break in a name": (lambda: renamed(b"journal/2026-10.md\n"), NAME),
    "a name that is not UTF-8": (lambda: renamed(b"journal/\xff.md"), "is not UTF-8"),
    "a name in an old code page": (lambda: renamed(b"journal/\xff.md", flags=0), UNKNOWN_FILE),
    "a duplicate name": (lambda: raw_zip([*ENTRIES, ENTRIES[0]]), "have the same name"),
    "a duplicate but for its case": (lambda: renamed(b"Readme.TXT"), "have the same name"),
    "a folder with the name of a file": (
        lambda: raw_zip([*ENTRIES, RawEntry(b"README.txt/", method=0)]),
        "have the same name",
    ),
    "an extra file": (lambda: with_file("wisteria.txt"), UNKNOWN_FILE),
    "an extra folder": (lambda: raw_zip([*ENTRIES, RawEntry(b"wisteria/", method=0)]), UNKNOWN_FILE),
    "a file below a known folder": (lambda: with_file("records/deep/sessions.jsonl"), UNKNOWN_FILE),
    "files in a folder": (lambda: zipped({f"export/{path}": each for path, each in FILES.items()}), UNKNOWN_FILE),
    "a kind of record that is unknown": (lambda: with_file("records/dreams.jsonl", LINE), "does not know"),
    # kinds of file
    "a symbolic link": (lambda: special(stat.S_IFLNK), "no links, and no devices"),
    "a character device": (lambda: special(stat.S_IFCHR), "no links, and no devices"),
    "a block device": (lambda: special(stat.S_IFBLK), "no links, and no devices"),
    "a pipe": (lambda: special(stat.S_IFIFO), "no links, and no devices"),
    "a socket": (lambda: special(stat.S_IFSOCK), "no links, and no devices"),
    "a folder with the name of a file in its place": (lambda: special(stat.S_IFDIR), "no links, and no devices"),
    "a folder with content": (lambda: raw_zip([*ENTRIES, RawEntry(b"records/", b"wisteria")]), NO_ZIP),
    # structure
    "nothing": (lambda: b"", NO_ZIP),
    "not a ZIP file": (lambda: b"wisteria" * 100, NO_ZIP),
    "an empty ZIP file": (lambda: raw_zip([]), NO_ZIP),
    "truncated": (lambda: ARCHIVE[: len(ARCHIVE) // 2], NO_ZIP),
    "truncated by one byte": (lambda: ARCHIVE[:-1], NO_ZIP),
    "data in front": (lambda: b"#!/bin/sh\n" + ARCHIVE, NO_ZIP),
    "data in front, with correct offsets": (lambda: raw_zip(ENTRIES, before=b"#!/bin/sh\n"), OVERLAP),
    "data behind": (lambda: ARCHIVE + b"wisteria", NO_ZIP),
    "data between": (lambda: raw_zip(ENTRIES, between=b"wisteria"), OVERLAP),
    "data between files": (lambda: raw_zip(changed(ENTRIES, 0, descriptor=b"wisteria")), OVERLAP),
    "a comment": (lambda: raw_zip(ENTRIES, comment=b"wisteria"), NO_ZIP),
    "two archives": (lambda: ARCHIVE + ARCHIVE, NO_ZIP),
    "several disks": (lambda: raw_zip(ENTRIES, disk=1, first_disk=1), "has several parts"),
    "several disks by the count": (lambda: raw_zip(ENTRIES, on_disk=1), "has several parts"),
    "an entry on another disk": (lambda: raw_zip(changed(ENTRIES, 0, central={"disk": 1})), NO_ZIP),
    "encrypted": (lambda: raw_zip(changed(ENTRIES, 0, flags=0x0801)), "without encryption"),
    "strongly encrypted": (lambda: raw_zip(changed(ENTRIES, 0, flags=0x0841)), "without encryption"),
    "a masked directory": (lambda: raw_zip(changed(ENTRIES, 0, flags=0x2800)), "without encryption"),
    "patched data": (lambda: raw_zip(changed(ENTRIES, 0, flags=0x0820)), "has another method"),
    "bzip2": (lambda: zipped(FILES, zipfile.ZIP_BZIP2), "has another method"),
    "LZMA": (lambda: zipped(FILES, zipfile.ZIP_LZMA), "has another method"),
    "Deflate64": (lambda: raw_zip(changed(ENTRIES, 0, method=9)), "has another method"),
    "a wrong CRC": (lambda: raw_zip(changed(ENTRIES, LAST, central={"crc": 1}, local={"crc": 1})), DAMAGED),
    "a wrong size": (
        lambda: raw_zip(changed(ENTRIES, LAST, central={"size": 1}, local={"size": 1})),
        DAMAGED,
    ),
    "a wrong local CRC": (lambda: raw_zip(changed(ENTRIES, LAST, local={"crc": 1})), DIFFERENT),
    "a wrong local size": (lambda: raw_zip(changed(ENTRIES, LAST, local={"size": 1})), DIFFERENT),
    "a wrong local name": (lambda: raw_zip(changed(ENTRIES, 0, local={"name": b"readme.txt"})), DIFFERENT),
    "a wrong local method": (lambda: raw_zip(changed(ENTRIES, 0, local={"method": 0})), DIFFERENT),
    "a wrong local signature": (lambda: raw_zip(changed(ENTRIES, 0, local={"signature": b"PK\7\7"})), NO_ZIP),
    "a wrong signature in the directory": (
        lambda: raw_zip(changed(ENTRIES, 0, central={"signature": b"PK\7\7"})),
        NO_ZIP,
    ),
    "an offset behind the directory": (lambda: raw_zip(changed(ENTRIES, LAST, central={"offset": 2**31})), OVERLAP),
    "a directory that is too short": (lambda: raw_zip(ENTRIES, size=10, offset=len(raw_zip(ENTRIES)) - 32), NO_ZIP),
    "a name longer than the directory": (overlong_name, NO_ZIP),
    "a local header that reaches into the directory": (
        lambda: raw_zip(
            [], before=b"PK\3\4wisteria", in_front=ENTRIES[0].central_header(0), count=1, on_disk=1, size=56
        ),
        NO_ZIP,
    ),
    "a size of ZIP64": (
        lambda: raw_zip(changed(ENTRIES, LAST, central={"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF})),
        "at most 256 MiB",
    ),
    "a packed size beyond the file": (
        lambda: raw_zip(changed(ENTRIES, LAST, central={"packed": 2**20}, local={"packed": 2**20})),
        NO_ZIP,
    ),
    "stored with two sizes": (lambda: raw_zip(changed(ENTRIES, 0, method=0, central={"size": 1})), NO_ZIP),
    "broken compression": (lambda: raw_zip(changed(ENTRIES, LAST, packed=b"\7" * 50)), "cannot be decompressed"),
    "compression that does not end": (
        lambda: raw_zip(changed(ENTRIES, LAST, packed=deflated(FILES[SUMS])[:-3])),
        NO_ZIP,
    ),
    "data behind the compressed data": (
        lambda: raw_zip(changed(ENTRIES, LAST, packed=deflated(FILES[SUMS]) + b"wisteria")),
        NO_ZIP,
    ),
    "more than 64 KiB behind the compressed data": (
        lambda: raw_zip(changed(ENTRIES, LAST, packed=deflated(FILES[SUMS]) + b"wisteria" * 10_000)),
        NO_ZIP,
    ),
    # sums and manifest
    "a wrong sum": (lambda: zipped(FILES | {PATH: LINE.replace(b"wisteria", b"lavender")}), SUM),
    "a wrong sum of the manifest": (lambda: zipped(FILES | {MANIFEST: FILES[MANIFEST] + b"\n"}), SUM),
    "a wrong sum of the README": (lambda: zipped(FILES | {README: b"wisteria"}), SUM),
    "a sum that only the manifest has": (
        lambda: zipped(FILES | {SUMS: FILES[SUMS].replace(FILES[SUMS][:64], b"0" * 64)}),
        SUM,
    ),
    "no sums": (lambda: without(SUMS), "has no manifest.json or no SHA256SUMS"),
    "no manifest": (lambda: without(MANIFEST), "has no manifest.json or no SHA256SUMS"),
    "a file less than listed": (lambda: without(PATH), LISTED),
    "a file that the sums do not list": (lambda: zipped(FILES | {SUMS: FILES[SUMS].partition(b"\n")[2]}), LISTED),
    "a file that the manifest does not list": (lambda: with_manifest_members(files=[]), LISTED),
    "a file that nothing lists": (lambda: zipped(FILES | {"access.jsonl": b""}), LISTED),
    "sums that are none": (lambda: zipped(FILES | {SUMS: b"wisteria\n"}), "is not a list of SHA-256 checksums"),
    "sums with a line twice": (lambda: zipped(FILES | {SUMS: FILES[SUMS] * 2}), "is not a list of SHA-256 checksums"),
    "sums of 3 MiB": (lambda: zipped(FILES | {SUMS: json.dumps([*range(500_000)]).encode()}), "has more than 2 MiB"),
    "a manifest of the future": (lambda: with_manifest_members(format_version=2), "by a newer version"),
    "a manifest of another product": (lambda: with_manifest_members(format="wisteria"), "of this product"),
    "a manifest with a version that is none": (lambda: with_manifest_members(format_version="1"), MANIFEST_MEMBERS),
    "a manifest without files": (lambda: with_manifest_members(files=None), MANIFEST_MEMBERS),
    "a manifest that lists a file twice": (
        lambda: with_manifest_members(files=json.loads(FILES[MANIFEST])["files"] * 2),
        "lists a file twice",
    ),
    "a manifest that is a list": (lambda: with_manifest(b"[]"), NOT_OBJECT),
    "a manifest that is not JSON": (lambda: with_manifest(b"wisteria"), NOT_OBJECT),
    "a manifest with a member twice": (
        lambda: with_manifest(b'{"format": "afterglow", "format": "afterglow"}'),
        NOT_OBJECT,
    ),
    "a manifest of another number of bytes": (lambda: records_file(LINE, bytes=1), SUM),
    "a manifest of another number of records": (lambda: records_file(LINE, records=2), "another number of records"),
    # lines
    "a record that is not JSON": (lambda: records_file(b"wisteria\n"), NOT_OBJECT),
    "a record that is a list": (lambda: records_file(b"[]\n"), NOT_OBJECT),
    "a record that is null": (lambda: records_file(b"null\n"), NOT_OBJECT),
    "an empty line": (lambda: records_file(LINE + b"\n"), NOT_OBJECT),
    "two records in a line": (lambda: records_file(LINE.strip() + LINE), NOT_OBJECT),
    "a record in two lines": (lambda: records_file(LINE.replace(b", ", b",\n")), NOT_OBJECT),
    "a record that is nested too deep": (lambda: records_file(b'{"a":' * 40 + b"1" + b"}" * 40), NOT_OBJECT),
    "a record nested 100 000 deep": (lambda: records_file(b"[" * 100_000), NOT_OBJECT),
    "a record with a member twice": (lambda: records_file(b'{"id": "a", "id": "b"}'), NOT_OBJECT),
    "a record that is not UTF-8": (lambda: records_file(b'{"id": "\xff"}'), NOT_OBJECT),
    "a record with a byte order mark": (lambda: records_file(b"\xef\xbb\xbf" + LINE), NOT_OBJECT),
    "a line of more than 1 MiB": (
        lambda: records_file(json.dumps({"a": [*range(200_000)]}).encode()),
        "has more than 1 MiB",
    ),
    "a wrong second file": (
        lambda: zipped(complete({PATH: LINE, "records/sessions.jsonl": b"wisteria"})),
        NOT_OBJECT,
    ),
}


def test_the_archive_that_the_others_are_made_from_is_valid(alice: Person) -> None:
    assert imported(alice, raw_zip(ENTRIES)) == result(created=1)
    assert imported(alice, ARCHIVE) == result(unchanged=1)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_changes_nothing(alice: Person, state: State, name: str) -> None:
    build, reason = HOSTILE[name]
    content, before = build(), state()
    began = time.process_time()

    problem = refused(send(alice, content), 400, "bad-archive")

    assert time.process_time() - began < 5
    assert reason in problem["detail"], problem["detail"]
    assert "wisteria" not in json.dumps(problem)
    assert state() == before
