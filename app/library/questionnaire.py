"""Reads the texts of an instrument from a FHIR R4 Questionnaire, as LOINC and others publish them.

The items of the instrument are matched with the questions of the Questionnaire by LOINC code. If a Questionnaire has no
LOINC codes, they are matched by their order and their answers. Only texts are taken from a Questionnaire: the items and
the scoring of an instrument never change.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from app.http.reading import faults_of
from app.library.instruments import MAX_ANSWER, Instrument, InstrumentItem, Texts

LOINC: Final = "http://loinc.org"
_ORDINALS: Final = {
    "http://hl7.org/fhir/StructureDefinition/ordinalValue",
    "http://hl7.org/fhir/StructureDefinition/itemWeight",
    "http://hl7.org/fhir/StructureDefinition/questionnaire-ordinalValue",
}
_QUESTIONS: Final = {"choice", "open-choice", "integer", "decimal", "coding"}
_is_loinc = re.compile(r"\d{1,7}-\d").fullmatch
Json = dict[str, Any]


class QuestionnaireError(ValueError):
    """A Questionnaire cannot be used; the message says why."""


@dataclass(frozen=True)
class _Answer:
    """A possible answer in a Questionnaire: its text, code and value, each None if the Questionnaire has none."""

    text: str | None
    code: str | None
    value: int | None


@dataclass(frozen=True)
class _Question:
    """A question of a Questionnaire: its text, its LOINC codes, and its possible answers.

    If all answers have values, the answers are in the order of their values.
    """

    text: str | None
    codes: frozenset[str]
    answers: tuple[_Answer, ...]

    def fits(self, item: InstrumentItem) -> bool:
        """Return whether the possible answers of the question can be those of an item of an instrument.

        Their number must be the same. If all of them have values, the values must be the same, too.
        """
        values = [answer.value for answer in self.answers]
        expected = [*range(item.least, item.most + 1)]
        return len(values) == len(expected) and (None in values or values == expected)


def read_texts(
    value: object, instruments: Sequence[Instrument], code: str | None = None, language: str | None = None
) -> tuple[Instrument, Texts]:
    """Return the instrument that matches a Questionnaire, and the texts that the Questionnaire has for it.

    `value` is the Questionnaire as a JSON value. `code` restricts the choice to one instrument. `language` is the
    language of the texts, by default that of the Questionnaire, else that of the instrument. Raise `QuestionnaireError`
    if the Questionnaire is not valid, or if it matches none or several of the instruments.
    """
    if not isinstance(value, dict) or value.get("resourceType") != "Questionnaire":
        message = "the file is not a FHIR Questionnaire in JSON"
        raise QuestionnaireError(message)
    questions = [*_questions(value.get("item"), _value_sets(value))]
    candidates = [each for each in instruments if code in (None, each.code)]
    instrument, matched = _match(questions, candidates)
    try:
        texts = Texts(
            code=instrument.code,
            version=instrument.version,
            language=language or _text(value.get("language"), 35) or instrument.language,
            introduction=None,
            items=[None if each is None else each.text for each in matched],
            options=_option_texts(instrument, matched),
            copyright=_text(value.get("copyright"), 500),
        )
    except ValidationError as error:
        message = "; ".join(f"{fault.pointer[1:]}: {fault.message}" for fault in faults_of(error))
        raise QuestionnaireError(message) from None
    return instrument, texts


def _match(
    questions: Sequence[_Question], instruments: Sequence[Instrument]
) -> tuple[Instrument, list[_Question | None]]:
    """Return the instrument that matches the questions, and for each of its items the question, or None.

    Raise `QuestionnaireError` if no instrument matches, or several match by order.
    """
    by_code = {code: question for question in questions for code in question.codes}
    shared = {each.code: sum(item.loinc in by_code for item in each.items) for each in instruments}
    best = max(instruments, key=lambda each: shared[each.code], default=None)
    if best is not None and shared[best.code]:
        return best, _by_code(best, questions, by_code)
    fitting = [(each, found) for each in instruments if (found := _by_order(each, questions)) is not None]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(each.code for each in instruments)
    if not fitting:
        message = f"the Questionnaire has neither the LOINC codes nor the number of items and answers of: {known}"
        raise QuestionnaireError(message)
    several = ", ".join(each.code for each, _ in fitting)
    message = f"the Questionnaire has no LOINC codes and could be any of {several}: choose one with --instrument"
    raise QuestionnaireError(message)


def _by_code(
    instrument: Instrument, questions: Sequence[_Question], by_code: dict[str, _Question]
) -> list[_Question | None]:
    """Match questions with the items of an instrument by LOINC code; return the question for each item, or None.

    `by_code` has the questions by code. An item without a code is matched with the next remaining question that has
    the answers of the item. Raise `QuestionnaireError` if a question does not have the answers of the item with the
    same code.
    """
    matched = [by_code.get(item.loinc or "") for item in instrument.items]
    taken = {id(question) for question in matched}
    left = iter([question for question in questions if id(question) not in taken])
    for position, item in enumerate(instrument.items):
        question = matched[position]
        if question is None and item.loinc is None:
            matched[position] = next((each for each in left if each.fits(item)), None)
        elif question is not None and question.answers and not question.fits(item):
            name = f"item {position + 1} of {instrument.code} ({item.topic})"
            message = f"the answers of {name} are not those from {item.least} to {item.most}"
            raise QuestionnaireError(message)
    return matched


def _by_order(instrument: Instrument, questions: Sequence[_Question]) -> list[_Question | None] | None:
    """Match the questions of a Questionnaire with the items of an instrument by their order.

    There must be a question for every item, or only for the required items, which come first. Return a list with the
    question for each item, or with None for an item without a question. Return None instead of a list if the number of
    questions is another one, or if the possible answers of a question differ from those of its item.
    """
    required = sum(item.required for item in instrument.items)
    if len(questions) not in {required, len(instrument.items)}:
        return None
    if not all(question.fits(item) for question, item in zip(questions, instrument.items, strict=False)):
        return None
    return [*questions, *[None] * (len(instrument.items) - len(questions))]


def _option_texts(instrument: Instrument, matched: Sequence[_Question | None]) -> dict[str, list[str]]:
    """Return the texts of each of the instrument's lists of possible answers, by the name of the list.

    The texts are those of the first item that uses the list and whose question has a text for each answer.
    """
    found: dict[str, list[str]] = {}
    for item, question in zip(instrument.items, matched, strict=True):
        texts = [answer.text for answer in question.answers if answer.text] if question is not None else []
        if item.options is not None and len(texts) == len(instrument.options[item.options]):
            found.setdefault(item.options, texts)
    return found


def _questions(items: object, value_sets: dict[str, list[_Answer]]) -> Iterator[_Question]:
    """Yield the questions of the items of a Questionnaire and of their nested items, in order.

    Skip read-only items and items that are not questions, such as titles.
    """
    for item in _objects(items):
        if item.get("type") in _QUESTIONS and item.get("readOnly") is not True:
            codes = {each.get("code") for each in _objects(item.get("code")) if each.get("system") == LOINC}
            link_id = str(item.get("linkId", "")).rpartition("/")[2]
            codes |= {link_id} if _is_loinc(link_id) else set()
            yield _Question(
                _text(item.get("text"), 2_000),
                frozenset(code for code in codes if isinstance(code, str)),
                _ordered(_answers(item, value_sets)),
            )
        yield from _questions(item.get("item"), value_sets)


def _answers(item: Json, value_sets: dict[str, list[_Answer]]) -> list[_Answer]:
    options = [_answer(each) for each in _objects(item.get("answerOption"))]
    return options or value_sets.get(str(item.get("answerValueSet", "")).rpartition("#")[2], [])


def _answer(option: Json) -> _Answer:
    if isinstance(number := option.get("valueInteger"), int):
        return _Answer(str(number), None, number)
    coding = option.get("valueCoding")
    if not isinstance(coding, dict):
        return _Answer(_text(option.get("valueString"), 2_000), None, _ordinal(option))
    value = _ordinal(option)
    return _concept(coding, _ordinal(coding) if value is None else value)


def _concept(coding: Json, value: int | None) -> _Answer:
    code = coding.get("code")
    return _Answer(_text(coding.get("display"), 2_000), code if isinstance(code, str) else None, value)


def _value_sets(questionnaire: Json) -> dict[str, list[_Answer]]:
    """Return the possible answers in each value set that a Questionnaire contains, by the id of the value set."""
    return {
        str(each.get("id")): [_concept(concept, _ordinal(concept)) for concept in _concepts(each)]
        for each in _objects(questionnaire.get("contained"))
        if each.get("resourceType") == "ValueSet"
    }


def _concepts(value_set: Json) -> list[Json]:
    compose, expansion = value_set.get("compose"), value_set.get("expansion")
    included = _objects(compose.get("include")) if isinstance(compose, dict) else []
    concepts = [concept for include in included for concept in _objects(include.get("concept"))]
    return concepts or (_objects(expansion.get("contains")) if isinstance(expansion, dict) else [])


def _ordinal(element: Json) -> int | None:
    """Return the ordinal value in the extensions of an answer, as an integer; None if there is none."""
    for extension in _objects(element.get("extension")):
        if extension.get("url") in _ORDINALS:
            return _integer(extension.get("valueDecimal", extension.get("valueInteger")))
    return None


def _integer(value: Any) -> int | None:
    """Return a number as an integer; None if it is not a number, has a fraction, or is too large for an answer."""
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return int(value) if is_number and abs(value) <= MAX_ANSWER and value == int(value) else None


def _ordered(answers: Sequence[_Answer]) -> tuple[_Answer, ...]:
    values = {answer.value for answer in answers}
    return (*(answers if None in values else sorted(answers, key=lambda answer: answer.value or 0)),)


def _objects(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: object, longest: int) -> str | None:
    """Return a text without white space at its ends.

    Return None if the value is not a text, is empty, or has more than `longest` characters.
    """
    text = value.strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= longest else None
