"""An assessment, as two resources that a clinic can only read: a QuestionnaireResponse with the answers, and an
Observation with the total.

The member `definition` of an assessment, which `app.fhir.reading` adds, is its instrument in the library; None if the
operator has removed the instrument. If the instrument does not have as many items as there are answers, the answers are
numbered instead of linked to the items.
"""

from collections.abc import Sequence
from typing import Final

from app.db import Row
from app.fhir.mapping import parts
from app.library import Instrument
from app.library.instruments import InstrumentItem
from app.openapi import Json

STATUSES: Final = {"preliminary": "in-progress", "final": "completed", "entered-in-error": "entered-in-error"}
"""The status of an assessment for each status of its Observation. Its QuestionnaireResponse has the same status."""
_CODES: Final = {ours: theirs for theirs, ours in STATUSES.items()}
_ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_INSTRUMENT: Final = f"{parts.OURS}instrument:"


def response(assessment: Row, patient: str) -> Json:
    """Return the FHIR QuestionnaireResponse for an assessment, with an item for each answer."""
    instrument: Instrument | None = assessment["definition"]
    answers = assessment["answers"]
    items: Sequence[InstrumentItem | None] = [] if instrument is None else instrument.items
    if len(items) != len(answers):
        items = [None] * len(answers)
    codes = {name: assessment[name] for name in ("timepoint", "timezone")}
    flags = [{"url": f"{parts.OURS}flag", "valueCode": each} for each in assessment["flags"]]
    person = parts.reference("Patient", patient)
    return parts.resource(
        "QuestionnaireResponse",
        assessment,
        extension=[*parts.extensions("valueCode", codes), *flags],
        questionnaire=f"{_INSTRUMENT}{assessment['instrument']}|{assessment['instrument_version']}",
        partOf=parts.references(parts.reference("Procedure", assessment["session_id"])),
        status=assessment["status"],
        subject=person,
        authored=assessment["taken_at"],
        source=person,
        item=[_item(number, *each) for number, each in enumerate(zip(items, answers, strict=True), 1)],
    )


def _item(number: int, item: InstrumentItem | None, answer: int | None) -> Json:
    """Return the item of a QuestionnaireResponse for one answer.

    Its `linkId` is the LOINC code of the instrument's item; if that is not known, it is `number`.
    """
    link = str(number) if item is None or item.loinc is None else item.loinc
    said = None if item is None else item.text or item.topic
    given = [] if answer is None else [{"valueInteger": answer}]
    return parts.present(linkId=link, text=said, answer=given)


def total(assessment: Row, patient: str) -> Json:
    """Return the FHIR Observation for an assessment's total. If there is no total, `dataAbsentReason` says why."""
    instrument: Instrument | None = assessment["definition"]
    title = f"{assessment['instrument'] if instrument is None else instrument.title}: total"
    loinc = None if instrument is None or instrument.loinc is None else instrument.loinc.total
    points = assessment["total"]
    subscales = assessment["subscales"] or {}
    pending = assessment["status"] == "in-progress"
    return parts.resource(
        "Observation",
        assessment,
        partOf=parts.references(parts.reference("Procedure", assessment["session_id"])),
        status=_CODES[assessment["status"]],
        category=[parts.SURVEY],
        code=parts.text(title) if loinc is None else parts.coded(parts.LOINC, loinc, title),
        subject=parts.reference("Patient", patient),
        effectiveDateTime=assessment["taken_at"],
        valueInteger=points,
        dataAbsentReason=parts.coded(_ABSENT, "temp-unknown" if pending else "unknown") if points is None else None,
        interpretation=parts.references(parts.text(assessment["band"])),
        method=None if points is None else parts.text(assessment["scoring"]),
        derivedFrom=[parts.reference("QuestionnaireResponse", assessment["id"])],
        component=[{"code": {"text": code}, "valueInteger": each} for code, each in subscales.items()],
    )
