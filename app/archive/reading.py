"""Reads an archive from `GET /v1/export`.

The paths, the checksums and the lines of JSON in the archive are checked before anything is imported.
"""

import hashlib
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ValidationError

from app import json_strict
from app.archive.encrypted_file import EncryptedFile
from app.archive.format import FORMAT, FORMAT_VERSION, MANIFEST, SUMS, ArchivedFile, Manifest, collection_of, is_known
from app.archive.lines import Lines
from app.archive.parts import Draft, Part, RejectedError, Skipped, parents_first
from app.archive.zip_file import ZipFile
from app.clock import Instant
from app.http.reading import faults_of
from app.ids import Id, is_id, make_id
from app.problems import BadArchive, MalformedBody
from app.records import Resource
from app.resources import RESOURCES

MAX_LINE_BYTES: Final = 2**20
"""The maximum size of a line, which has one record. It is also the maximum size of a request that creates a record."""
MAX_INDEX_BYTES: Final = 2 * 2**20
"""The maximum size of `manifest.json`, and of `SHA256SUMS`."""
_FOLDERS: Final = {"records/", "journal/"}
_SERVER_MEMBERS: Final = {"id", "version", "created_at", "updated_at", "clinic_id"}
"""The members of an exported record that do not become fields of the imported record.

An import keeps the id and the time of creation in another way (`_Stored`). It drops `clinic_id`, so that no clinic
manages an imported session.
"""
_sums_line = re.compile(rb"([0-9a-f]{64}) [ *]([^\n]+)").fullmatch


class _Stored(BaseModel, extra="ignore"):
    """The members of an exported record that an import keeps, but that are not fields of a draft."""

    id: Id
    created_at: Instant


def read_archive(file: EncryptedFile, lines: Lines) -> list[Part]:
    """Copy the records of an archive to `lines`; return a `Part` for each of its files with records.

    The files are in the order of import: a kind of record follows the kinds to which it refers. Raise `BadArchive` if
    the archive is not exactly as it was exported.
    """
    archive = ZipFile(file)
    paths = set(archive.entries)
    if archive.folders - _FOLDERS or not all(is_known(path) for path in paths):
        raise BadArchive("The archive has a file that an export does not have. Send it as it was exported.")
    if not {MANIFEST, SUMS} <= paths:
        raise BadArchive("The archive has no manifest.json or no SHA256SUMS. Send it as it was exported.")
    sums = _read_sums(_small_file(archive, SUMS))
    manifest_text = _small_file(archive, MANIFEST)
    listed = {entry.path: entry for entry in _read_manifest(manifest_text).files}
    if sums.keys() != paths - {SUMS} or listed.keys() != paths - {SUMS, MANIFEST}:
        raise BadArchive("manifest.json and SHA256SUMS have to list all other files of the archive, and no more.")
    if hashlib.sha256(manifest_text).hexdigest() != sums[MANIFEST]:
        raise _wrong_sums()
    by_collection = {resource.collection: resource for resource in RESOURCES}
    parts: list[Part] = []
    for path, entry in listed.items():
        pieces = _checked(archive, entry, sums[path])
        resource = by_collection.get(collection_of(path) or "")
        if resource is not None:
            part = Part(path, resource, partial(read_draft, resource), _read_records(resource, pieces, lines))
            parts.append(part)
            if entry.records != len(part.lines):
                raise BadArchive("manifest.json states another number of records than a file has.")
        elif collection_of(path) is not None:
            raise BadArchive("The archive has a kind of record that this server does not know. Update the server.")
        else:
            for _ in pieces:
                pass
    return sorted(parts, key=lambda part: part.resource.depth)


def read_draft(resource: Resource, value: Any, _skipped: Skipped) -> Draft:
    """Return the draft of a record, given the JSON value that `GET` returned for the record.

    Leave out the version, the time of the last change and the computed members, because the server sets them again.
    Raise `RejectedError` if the id or `created_at` is not valid.
    """
    try:
        stored = _Stored.model_validate(value)
    except ValidationError as error:
        raise RejectedError(faults_of(error)[0].code) from None
    of_server = _SERVER_MEMBERS.union(resource.computed_names)
    fields = {name: each for name, each in value.items() if name not in of_server}
    return Draft(stored.id, fields, stored.created_at)


def _read_manifest(text: bytes) -> Manifest:
    value = _object(text, "manifest.json is not a JSON object.")
    version = value.get("format_version")
    if value.get("format") != FORMAT:
        raise BadArchive("manifest.json does not say that this is an archive of this product.")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise BadArchive("The archive was exported by a newer version of the product. Update this server first.")
    try:
        manifest = Manifest.model_validate(value)
    except ValidationError:
        raise BadArchive("manifest.json does not have the members of an export.") from None
    if len({file.path for file in manifest.files}) != len(manifest.files):
        raise BadArchive("manifest.json lists a file twice.")
    return manifest


def _read_sums(text: bytes) -> Mapping[str, str]:
    lines = text.removesuffix(b"\n").split(b"\n")
    found = [match for line in lines if (match := _sums_line(line))]
    sums = {match[2].decode("utf-8", "replace"): match[1].decode() for match in found}
    if len(sums) != len(lines):
        raise BadArchive("SHA256SUMS is not a list of SHA-256 checksums and the paths of files.")
    return sums


def _small_file(archive: ZipFile, path: str) -> bytes:
    text = bytearray()
    for piece in archive.pieces(path):
        text += piece
        if len(text) > MAX_INDEX_BYTES:
            raise BadArchive("manifest.json or SHA256SUMS has more than 2 MiB.")
    return bytes(text)


def _checked(archive: ZipFile, file: ArchivedFile, sum: str) -> Iterator[bytes]:
    """Yield the content of a file; at its end, check its size and its checksum.

    `sum` is the checksum in `SHA256SUMS`; `file` has the size and the checksum in the manifest. Raise `BadArchive` if
    the content does not match them.
    """
    digest, size = hashlib.sha256(), 0
    for piece in archive.pieces(file.path):
        digest.update(piece)
        size += len(piece)
        yield piece
    if (size, digest.hexdigest(), sum) != (file.bytes, file.sha256, file.sha256):
        raise _wrong_sums()


def _wrong_sums() -> BadArchive:
    return BadArchive("A file of the archive was changed or damaged after the export: its SHA-256 checksum is wrong.")


def _read_records(resource: Resource, pieces: Iterator[bytes], lines: Lines) -> Sequence[int]:
    """Copy the lines of a file to `lines`; return their numbers, in the order in which the records are to be created.

    Raise `BadArchive` if a line is not a JSON object.
    """
    ids: list[UUID | None] = []
    parents: list[UUID | None] = []
    start, reference = len(lines), resource.acyclic
    for line in _split(pieces):
        value = _object(line, "A line of a file with records is not a JSON object.")
        lines.append(line)
        if reference is not None:
            ids.append(_id(value.get("id")))
            parents.append(_id(value.get(reference)))
    if reference is None:
        return range(start, len(lines))
    return array("Q", (start + position for position in parents_first(ids, parents)))


def _id(value: object) -> UUID | None:
    return make_id(value) if isinstance(value, str) and is_id(value) else None


def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *complete, rest = (rest + piece).split(b"\n")
        for line in (*complete, rest):
            if len(line) > MAX_LINE_BYTES:
                raise BadArchive("A line of a file with records has more than 1 MiB.")
        yield from complete
    if rest:
        yield rest


def _object(text: bytes, problem: str) -> dict[str, Any]:
    try:
        value = json_strict.parse(text)
    except MalformedBody:
        raise BadArchive(problem) from None
    if not isinstance(value, dict):
        raise BadArchive(problem)
    return value
