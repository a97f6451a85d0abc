"""Reads an export of the journal app Day One: a ZIP file with JSON files, each an object with a list `entries`.

An entry of the journal becomes a reflection with the id of the entry, so that importing the entry again changes
nothing. The text is not changed; it may contain Day One's Markdown. An entry that is too long is rejected, not
shortened. An entry without words is skipped. Photos, recordings and other media are counted, but not imported.
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
    r"|__MACOSX/.+|(?:[^/]+/){0,2}\.DS_Store"  # files that macOS adds to an archive
).fullmatch
_MEDIA: Final = ("photos", "audios", "videos", "pdfAttachments", "pdfs")
_is_hexadecimal = re.compile("[0-9A-Fa-f]{32}").fullmatch


def read_export(file: EncryptedFile, lines: Lines) -> list[Part]:
    """Copy the journal entries of an export to `lines`; return a `Part` for each JSON file of the export.

    Raise `BadArchive` if the file is not an export of Day One.
    """
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
    """Return the draft of a reflection for the JSON value of a journal entry; None if the entry has no words.

    Add the number of the entry's media to `skipped.media`. Add 1 to `skipped.empty` if the entry has no words. Raise
    `RejectedError` if the entry is not valid.
    """
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
    if value.get("creationDate") is None:  # without a date, `occurred_at` would be the time of the import
        raise RejectedError("required", id)
    fields = {
        "body": f"{text}{_tags_line(value, id)}",
        "occurred_at": value["creationDate"],
        "capture": Capture.IMPORTED,
    }
    timezone = _timezone(value)
    return Draft(id, fields if timezone is None else fields | {"timezone": timezone}, None)


def _text(entry: Mapping[str, Any]) -> object:
    """Return the text of a journal entry, or an empty string if the entry has no text.

    If the text is not valid, return a value of another type, such as None.
    """
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
    """Return the first valid IANA time zone of a journal entry, or None.

    Without a time zone, the reflection gets the time zone of the account.
    """
    location = entry.get("location")
    names = [entry.get("timeZone"), location.get("timeZoneName") if isinstance(location, dict) else None]
    return next((name for name in names if isinstance(name, str) and name in timezones()), None)
