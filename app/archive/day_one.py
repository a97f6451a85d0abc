"""Reading an export of the journal app Day One: a ZIP file with JSON files, in each of which `entries` is a list.

An entry becomes a reflection with the entry's own id, so that importing it again changes nothing. Its text is kept as it
is, with Day One's Markdown. An entry is rejected rather than cut; one without words is skipped. Photos, recordings and
other media are counted and not read.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from app import json_strict
from app.archive.encrypted_file import EncryptedFile
from app.archive.json_elements import elements
from app.archive.lines import Lines
from app.archive.parts import Draft, Part, RejectedError, Skipped
from app.archive.zip_file import ZipFile
from app.clock import timezones
from app.ids import is_id, make_id
from app.problems import BadArchive, MalformedBody
from app.resources.reflections import REFLECTIONS, Capture

_journal = re.compile(r"(?!__MACOSX/)(?:[^/]+/)?[^/.][^/]*\.json", re.IGNORECASE).fullmatch
_left_out = re.compile(
    r"(?:[^/]+/)?(?:photos|audios|videos|pdfs)/[^/]+"  # media
    r"|__MACOSX/.+|(?:[^/]+/){0,2}\.DS_Store"  # what a Mac adds to an archive
).fullmatch
_MEDIA: Final = ("photos", "audios", "videos", "pdfAttachments", "pdfs")
_is_hexadecimal = re.compile("[0-9A-Fa-f]{32}").fullmatch


def read_export(file: EncryptedFile, lines: Lines) -> list[Part]:
    """Copy the entries of an export to the lines; return its parts. Raise `BadArchive` if it is none."""
    archive = ZipFile(file)
    journals = [path for path in archive.entries if _journal(path)]
    if not all(_journal(path) or _left_out(path) for path in archive.entries):
        raise BadArchive("The archive has a file that an export of Day One does not have. Export the journal as JSON.")
    if not journals:
        raise BadArchive("The archive has no JSON file. Export the journal from Day One as JSON.")
    parts: list[Part] = []
    for path in journals:
        start = len(lines)
        try:
            for entry in elements(archive.pieces(path), "entries"):
                lines.append(entry.encode())
        except ValueError:
            raise BadArchive(
                "A JSON file of the archive is not an export of Day One: `entries` is missing or not valid, or an entry is too large."
            ) from None
        parts.append(Part(path, REFLECTIONS, read_draft, range(start, len(lines))))
    return parts


def read_draft(value: Any, skipped: Skipped) -> Draft | None:
    """Return the reflection that an entry becomes, or None if it has no words."""
    if not isinstance(value, dict):
        raise RejectedError("object")
    skipped.media += sum(len(media) for name in _MEDIA if isinstance(media := value.get(name), list))
    text = _text(value)
    if isinstance(text, str) and not text.strip():
        skipped.empty += 1
        return None
    uuid = value.get("uuid")
    if not isinstance(uuid, str) or not (_is_hexadecimal(uuid) or is_id(uuid)):
        raise RejectedError("required" if uuid is None else "id")
    id = make_id(uuid)
    if not isinstance(text, str):
        raise RejectedError("string-type", id)
    if value.get("creationDate") is None:  # the server would set the time to now
        raise RejectedError("required", id)
    fields = {
        "body": f"{text}{_tags_line(value, id)}",
        "occurred_at": value["creationDate"],
        "capture": Capture.IMPORTED,
    }
    timezone = _timezone(value)
    return Draft(id, fields if timezone is None else fields | {"timezone": timezone}, None)


def _text(entry: Mapping[str, Any]) -> object:
    """Return the words of an entry. If they cannot be read, the result is not a string."""
    text = entry.get("text")
    if text is not None and not (isinstance(text, str) and not text.strip()):
        return text
    rich = entry.get("richText")
    try:
        if isinstance(rich, str) and rich.strip():
            rich = json_strict.parse(rich.encode())
        if not rich:
            return ""
        return "".join(part.get("text", "") for part in rich["contents"])
    except (MalformedBody, UnicodeEncodeError, AttributeError, KeyError, TypeError):
        return None


def _tags_line(entry: Mapping[str, Any], id: UUID) -> str:
    tags = entry.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise RejectedError("list-type", id)
    named = ", ".join(tag for tag in tags if tag.strip())
    return f"\n\nTags: {named}" if named else ""


def _timezone(entry: Mapping[str, Any]) -> str | None:
    """Return the first valid time zone of an entry; None if it has none: then the account's applies."""
    location = entry.get("location")
    names = [entry.get("timeZone"), location.get("timeZoneName") if isinstance(location, dict) else None]
    return next((name for name in names if isinstance(name, str) and name in timezones()), None)
