"""Reading the log lines about consents that ended, or whose terms changed, after a backup was made."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import orjson

from app.clinics.consent_tables import EndedBy
from app.ids import parse

_EVENTS: Final = {"consent-ended", "consent-changed"}


def read_ended(lines: Iterable[bytes]) -> dict[UUID, EndedBy]:
    """Return the consents that ended or changed according to log lines: what ended each, by the consent's id.

    For a consent whose terms changed, this is `RESTORE`: the restore ends the consent, because the backup has its
    former terms, which may allow more. Lines of other events, and lines that are not log lines, are ignored.
    """
    found: dict[UUID, EndedBy] = {}
    for line in lines:
        try:
            members = orjson.loads(line)
            if members["event"] in _EVENTS:
                id = parse(members["consent_id"])
                by = EndedBy(members.get("ended_by", EndedBy.RESTORE))
                if by is not EndedBy.RESTORE or id not in found:
                    found[id] = by
        except (ValueError, TypeError, KeyError):
            continue
    return found
