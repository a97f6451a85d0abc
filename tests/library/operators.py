"""The operator's own files: an instrument of their own, helplines, and invented Questionnaires."""

import json
from pathlib import Path
from typing import Any

from app.library.files import DATA

Json = dict[str, Any]
ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
LOINC = "http://loinc.org"


def shipped(code: str) -> Json:
    """Return the content of a shipped file."""
    found: Json = json.loads((DATA / f"instruments/{code}.1.json").read_bytes())
    return found


def own_instrument(**changes: object) -> Json:
    """Return an instrument of the operator's own, in the format of the shipped ones."""
    return shipped("pgi-c") | {"code": "wisteria-scale", "title": "Wisteria scale"} | changes


def write(folder: Path, name: str, value: object) -> Path:
    """Write a file as JSON; return its path."""
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


def questionnaire(code: str, *, coded: bool = True, items: int | None = None, **changes: object) -> Json:
    """Return a Questionnaire with invented texts for the items of an instrument."""
    instrument = shipped(code)
    questions = [question(number, item, coded=coded) for number, item in enumerate(instrument["items"][:items], 1)]
    group = {"linkId": "group", "type": "group", "text": "Wisteria", "item": questions}
    return {"resourceType": "Questionnaire", "status": "active", "language": "en", "item": [group]} | changes


def question(number: int, item: Json, *, coded: bool = True) -> Json:
    """Return a question of a Questionnaire, with its answers in the reverse order."""
    codes = {"code": [{"system": LOINC, "code": item["loinc"]}]} if coded and item["loinc"] else {}
    options = [
        {
            "valueCoding": {"code": f"A{value}", "display": f"Answer {value}"},
            "extension": [{"url": ORDINAL, "valueDecimal": value}],
        }
        for value in range(item["most"], item["least"] - 1, -1)
    ]
    return {"linkId": f"q{number}", "type": "choice", "text": f" Question {number}? ", "answerOption": options} | codes
