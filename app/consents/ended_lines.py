"""Reading the log lines about consents that ended, or whose terms changed, after a backup was made."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import orjson

from app.clinics.consent_tables import EndedBy
from app.ids import parse

_EVENTS: Final = {"consent-ended", "consent-changed"}


def read_ended(lines: Iterable[bytes]) -> dict[UUID, EndedBy]:
    """Return the ids of the consents that ended or changed according to log lines, and what ended each.

    A consent whose terms changed is ended by the restore, because the backup has its former terms, which may be wider.
    Lines of other events, and text that is no log line, are ignored.
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
