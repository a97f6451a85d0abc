"""Reading the server's log lines about consents that ended, or whose terms changed, after a backup was made.

The backup does not contain these changes, so `afterglow restored` ends these consents.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import orjson

from app.clinics.consent_tables import EndedBy
from app.ids import parse

_EVENTS: Final = {"consent-ended", "consent-changed"}


def read_ended(lines: Iterable[bytes]) -> dict[UUID, EndedBy]:
    """Return the ids of the consents that a restore must end, each with what ended the consent, from log lines.

    If a consent ended, its log line says what ended it. If only its terms changed, the restore ends it (`RESTORE`),
    because the backup has its former terms, which may allow more. Ignore lines of other events, and lines that are not
    log lines.
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
