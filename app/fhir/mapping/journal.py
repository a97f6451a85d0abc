"""A patient's elements, intentions, action items and reflections, as resources that a clinic can only read."""

import base64
from typing import Final

from app.db import Row
from app.fhir.mapping import parts
from app.openapi import Json

_ACHIEVEMENT: Final = "http://terminology.hl7.org/CodeSystem/goal-achievement"
_COMPONENTS: Final = ("meaning", "origin", "reframe", "valence", "intensity", "significance")


def observation(element: Row, patient: str) -> Json:
    """Return the FHIR Observation for an element."""
    return parts.resource(
        "Observation",
        element,
        partOf=parts.references(parts.reference("Procedure", element["session_id"])),
        status="final",
        category=[parts.SURVEY],
        code=parts.coded(f"{parts.OURS}element-kind", element["kind"], element["kind"].replace("-", " ").capitalize()),
        subject=parts.reference("Patient", patient),
        valueString=element["title"],
        note=parts.notes(element["description"]),
        component=[_component(name, element[name]) for name in _COMPONENTS if element[name] not in (None, "")],
    )


def _component(name: str, value: str | int) -> Json:
    return {"code": {"text": name}, "valueString" if isinstance(value, str) else "valueInteger": value}


def goal(intention: Row, patient: str) -> Json:
    """Return the FHIR Goal for an intention."""
    achievement, target = intention["achievement"], intention["target_on"]
    return parts.resource(
        "Goal",
        intention,
        lifecycleStatus=intention["status"],
        achievementStatus=None if achievement is None else parts.coded(_ACHIEVEMENT, achievement),
        category=[{"text": each} for each in (intention["kind"], intention["domain"]) if each],
        description={"text": intention["statement"]},
        subject=parts.reference("Patient", patient),
        target=[] if target is None else [{"dueDate": target}],
        addresses=parts.references(parts.reference("Observation", intention["element_id"])),
        note=parts.notes(intention["why"]),
    )


def task(item: Row, patient: str) -> Json:
    """Return the FHIR Task for an action item."""
    plan = f"If: {item['if_cue']}\nThen: {item['then_response']}" if item["if_cue"] else None
    return parts.resource(
        "Task",
        item,
        status=item["status"],
        intent="plan",
        code={"text": f"{item['change']}: {item['facet']}"},
        description=item["title"],
        focus=parts.reference("Goal", item["intention_id"]),
        **{"for": parts.reference("Patient", patient)},
        executionPeriod=parts.present(end=item["completed_at"]),
        authoredOn=item["created_at"],
        note=parts.notes(item["details"], plan),
        restriction=parts.present(period=parts.present(start=item["starts_on"], end=item["due_on"])),
    )


def document(reflection: Row, patient: str) -> Json:
    """Return the FHIR DocumentReference for a reflection, with the reflection's text."""
    data = base64.b64encode(reflection["body"].encode()).decode()
    related = parts.references(
        parts.reference("Procedure", reflection["session_id"]),
        parts.reference("Observation", reflection["element_id"]),
        parts.reference("Goal", reflection["intention_id"]),
    )
    attachment = {"contentType": "text/plain", "data": data, **parts.present(title=reflection["title"])}
    return parts.resource(
        "DocumentReference",
        reflection,
        status="current",
        type=parts.coded(parts.LOINC, "51855-5"),
        subject=parts.reference("Patient", patient),
        date=reflection["occurred_at"],
        description=reflection["prompt"] or None,
        content=[{"attachment": attachment}],
        context=parts.present(related=related),
    )
