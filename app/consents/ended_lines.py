"""Reading the log lines of consents that ended after a backup was made, or whose terms changed."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import orjson

from app.clinics.consent_tables import EndedBy
from app.ids import parse

_EVENTS: Final = {"consent-ended", "consent-changed"}


def read_ended(lines: Iterable[bytes]) -> dict[UUID, EndedBy]:
    """Return the consents that log lines say have ended, or changed, with what ended them.

    A consent whose terms changed is ended by the restore, because the backup has its former terms, which may be wider.
    Lines of other events are ignored, and so is text that is not of this log.
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
