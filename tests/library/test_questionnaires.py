"""Texts of instruments from FHIR Questionnaires: matched by code or by order, never changing a score."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.library import Library, score
from app.library.instruments import with_texts
from app.library.questionnaire import QuestionnaireError, read_texts
from tests.library.operators import LOINC, ORDINAL, questionnaire, shipped

LIBRARY = Library()
EVERY = LIBRARY.instruments()
QUESTIONS = [f"Question {number}?" for number in range(1, 11)]
ANSWERS = [f"Answer {value}" for value in range(4)]


def read(value: object, **options: Any) -> Any:
    """Return the code of the instrument of a Questionnaire, and its texts."""
    instrument, texts = read_texts(value, EVERY, **options)
    return instrument.code, texts


def test_items_are_matched_by_their_loinc_codes_in_any_order() -> None:
    value = questionnaire("phq-9")
    value["item"][0]["item"].reverse()
    code, texts = read(value)
    assert (code, texts.code, texts.version, texts.language) == ("phq-9", "phq-9", "1", "en")
    assert texts.items == QUESTIONS
    assert texts.options == {"frequency": ANSWERS, "difficulty": ANSWERS}


def test_a_link_id_may_be_the_loinc_code() -> None:
    value = questionnaire("gad-7", coded=False)
    for question, item in zip(value["item"][0]["item"], shipped("gad-7")["items"], strict=True):
        question["linkId"] = f"/{item['loinc'] or 'last'}"
    code, texts = read(value)
    assert (code, texts.items) == ("gad-7", QUESTIONS[:8])


def test_items_without_codes_are_matched_by_their_order_and_answers() -> None:
    for code, items in {"pcl-5": None, "gad-7": 7, "pgi-c": None}.items():
        value = questionnaire(code, coded=False, items=items)
        found, texts = read(value)
        assert found == code
        assert texts.items == [
            f"Question {number}?" if items is None or number <= items else None
            for number in range(1, len(shipped(code)["items"]) + 1)
        ]


def test_an_item_that_the_questionnaire_does_not_have_stays_without_a_text() -> None:
    value = questionnaire("phq-9", items=8)
    value["item"].append({"linkId": "total", "type": "integer", "text": "Total", "readOnly": True})
    value["item"].append({"linkId": "said", "type": "display", "text": "Wisteria"})
    value["item"].append(
        {"linkId": "other", "type": "choice", "text": "Other?", "code": [{"system": LOINC, "code": 5}]}
    )
    _, texts = read(value)
    assert texts.items == [*QUESTIONS[:8], None, None]


def test_answers_may_be_in_a_contained_value_set() -> None:
    concepts = [{"code": f"A{value}", "display": text} for value, text in enumerate(ANSWERS)]
    for member in ({"compose": {"include": [{"concept": concepts}]}}, {"expansion": {"contains": concepts}}):
        value = questionnaire("phq-9") | {
            "contained": [{"resourceType": "ValueSet", "id": "often"} | member, "wisteria"]
        }
        for question in value["item"][0]["item"]:
            question |= {"answerOption": None, "answerValueSet": "#often"}
        _, texts = read(value)
        assert texts.options == {"frequency": ANSWERS, "difficulty": ANSWERS}


def test_answers_may_be_texts_and_numbers_or_in_a_value_set_elsewhere() -> None:
    value = questionnaire("phq-9")
    first, second, third, *others = value["item"][0]["item"]
    first["answerOption"] = [{"valueString": text} for text in ANSWERS]
    second["answerOption"] = [{"valueInteger": number} for number in range(4)]
    third |= {"answerOption": [], "answerValueSet": "http://example.org/often"}
    for each in others:
        each["answerOption"] = [
            {"valueCoding": {"display": text, "extension": [{"url": ORDINAL, "valueInteger": number}]}}
            for number, text in enumerate(ANSWERS)
        ]
    _, texts = read(value)
    assert texts.options == {"frequency": ANSWERS, "difficulty": ANSWERS}


@pytest.mark.parametrize(
    "options",
    [
        [{"valueString": text} for text in ANSWERS[:3]],
        [{"valueInteger": number} for number in range(1, 5)],
        [{"valueCoding": {"display": "a"}, "extension": [{"url": ORDINAL, "valueDecimal": 2}]}] * 4,
    ],
    ids=["too few", "other values", "equal values"],
)
def test_other_answers_than_those_of_the_item_are_refused(options: list[Any]) -> None:
    value = questionnaire("phq-9")
    value["item"][0]["item"][2]["answerOption"] = options
    with pytest.raises(QuestionnaireError, match=r"the answers of item 3 of phq-9 \(sleep\) are not those from 0 to 3"):
        read(value)


@pytest.mark.parametrize("value", ["wisteria", None, True, 1.5, [], Decimal("1E+999999"), Decimal("1.5")], ids=str)
def test_an_ordinal_value_that_is_no_integer_is_not_used(value: object) -> None:
    sent = questionnaire("phq-9")
    for question in sent["item"][0]["item"]:
        for option in question["answerOption"]:
            option["extension"] = ["wisteria", {"url": "http://example.org"}, {"url": ORDINAL, "valueDecimal": value}]
    assert read(sent)[1].options["frequency"] == ANSWERS[::-1]


def test_a_language_that_is_no_tag_is_refused() -> None:
    with pytest.raises(QuestionnaireError, match="language: String should match pattern"):
        read(questionnaire("phq-9"), language="not a tag")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "not a FHIR Questionnaire"),
        ({"resourceType": "Patient"}, "not a FHIR Questionnaire"),
        ({"resourceType": "Questionnaire"}, "neither the LOINC codes nor the number of items"),
        ({"resourceType": "Questionnaire", "item": ["wisteria", {"type": "choice"}]}, "neither the LOINC codes"),
    ],
    ids=["a list", "another resource", "no items", "no answers"],
)
def test_what_is_no_questionnaire_of_an_instrument_is_refused(value: object, message: str) -> None:
    with pytest.raises(QuestionnaireError, match=message):
        read(value)


def test_a_questionnaire_that_fits_several_instruments_has_to_be_named() -> None:
    twin = EVERY[2].model_copy(update={"code": "twin"})
    value = questionnaire("pgi-c", coded=False)
    with pytest.raises(QuestionnaireError, match="could be any of pgi-c, twin: choose one with --instrument"):
        read_texts(value, [*EVERY, twin])
    assert read_texts(value, [*EVERY, twin], "twin")[0].code == "twin"


def test_the_language_and_the_notice_of_copyright_are_kept() -> None:
    value = questionnaire("phq-9", language="de", copyright=" Wisteria, 2026 ")
    assert read(value)[1].language == "de"
    assert read(value, language="de-AT")[1].language == "de-AT"
    assert read(value)[1].copyright == "Wisteria, 2026"
    assert read(questionnaire("phq-9", language=None))[1].language == "en"
    assert read(questionnaire("phq-9", copyright="w" * 501))[1].copyright is None


def test_texts_never_change_a_score() -> None:
    instrument, texts = read_texts(questionnaire("phq-9", copyright="Wisteria"), EVERY)
    worded = with_texts(instrument, texts)
    assert [item.text for item in worded.items] == QUESTIONS
    assert worded.sources[-1] == "Wisteria"
    assert worded.licence.text_included
    answers = [1, 2, 3, 0, 1, 2, 3, 0, 1, 2]
    assert score(worded, answers, "completed") == score(instrument, answers, "completed")


def test_no_shipped_file_contains_the_words_of_an_item() -> None:
    for path in (Path(str(path)) for path in LIBRARY.versions["phq-9"].values()):
        content = json.loads(path.read_bytes())
        assert content["licence"]["text_included"] is False
        assert all("text" not in item for item in content["items"])
