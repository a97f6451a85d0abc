"""Instruments: questionnaires with fixed items and fixed rules of scoring.

The wording of an instrument can be under copyright. So the files that come with the server have only the topics and the
LOINC codes of the items, and their texts are null until an operator adds them (`Texts`). A version of an instrument
never changes, and scores never depend on texts.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.library.files import DATA, FileShape, documented, read_file
from app.openapi import Json

MAX_ITEMS: Final = 200
MAX_ANSWER: Final = 1000
"""The highest value that an answer can have; the lowest is its negative."""
Code = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")]
Version = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}$")]
Line = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(min_length=1, max_length=2_000)]
Answer = Annotated[int, Field(strict=True, ge=-MAX_ANSWER, le=MAX_ANSWER)]
Number = Annotated[int, Field(strict=True, ge=1, le=MAX_ITEMS)]
"""The number of an item in its instrument; the first item has the number 1."""
Points = Annotated[int, Field(strict=True, ge=-(2**31), lt=2**31)]
Loinc = Annotated[str, Field(pattern=r"^(?:LA)?[0-9]{1,8}-[0-9]$")]
Language = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$")]


def _example() -> Json:
    return read_file(Instrument, DATA / "instruments/phq-9.1.json").model_dump(by_alias=True)


class _Worded(FileShape):
    """The base class of the parts of an instrument that have a `text`, which is null if the file omits it."""

    @model_validator(mode="before")
    @classmethod
    def _add_text(cls, value: Any) -> Any:
        return {"text": None} | value if isinstance(value, dict) else value


class Licence(FileShape):
    """The licence of an instrument's wording."""

    name: Line = Field(
        description="The licence of the wording, such as `public-domain`, or `unclear`.", examples=["public-domain"]
    )
    text_included: bool = Field(description="Whether the items have texts.", examples=[False])


class AnswerOption(_Worded):
    """A possible answer to an item."""

    value: Answer = Field(description="The value to send in `answers`.")
    text: Text | None = Field(description="The text of the answer; null if the operator has not added it.")
    loinc: Loinc | None = Field(description="The LOINC code of the answer, or null.")


class InstrumentItem(_Worded):
    """An item of an instrument: one question."""

    topic: Line = Field(description="The topic of the item in a few words. This is not the wording of the question.")
    text: Text | None = Field(description="The question; null if the operator has not added it.")
    options: Code | None = Field(description="The name of the item's list of answers in `options`, or null.")
    least: Answer = Field(description="The lowest answer.")
    most: Answer = Field(description="The highest answer.")
    counts: bool = Field(description="Whether the answer counts towards the total.")
    required: bool = Field(description="Whether a person is expected to answer the item.")
    loinc: Loinc | None = Field(description="The LOINC code of the item, or null.")


class Subscale(FileShape):
    """A subscale: the sum of the answers to consecutive items."""

    code: Code = Field(description="The subscale's name in an assessment.")
    first: Number = Field(alias="from", description="The number of the first item, from 1.")
    last: Number = Field(alias="to", description="The number of the last item.")


class Band(FileShape):
    """A band: a range of totals with a name, such as `mild`."""

    code: Code = Field(description="The band's name in an assessment.")
    lowest: Points = Field(alias="from", description="The lowest total in the band.")
    highest: Points = Field(alias="to", description="The highest total in the band.")


class MeaningfulChange(FileShape):
    """The smallest change of the total that is meaningful."""

    points: Annotated[int, Field(strict=True, ge=1, lt=2**31)] = Field(
        description="The smallest meaningful change of the total, in points."
    )
    kind: Code = Field(description="The kind of change: `minimal-important` or `reliable`.")
    source: Line = Field(description="The source of the number.")


class TreatmentResponse(FileShape):
    """The rules that say which change of the total is a response to the treatment, and which total is a remission."""

    percent: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(
        description="The smallest improvement that is a response, in percent of the baseline."
    )
    remission_below: Points | None = Field(
        description="A total below this number is a remission; null if remission is not defined."
    )
    baseline_at_least: Points | None = Field(
        description="The lowest baseline for which response and remission are defined; null if there is no limit."
    )
    source: Line = Field(description="The source of the rules.")


class SafetyRule(FileShape):
    """A rule for the answers to one item. If it applies, the app must show help at once, even if the app is offline."""

    item: Number = Field(description="The number of the item, from 1.")
    at_least: Answer = Field(description="The lowest answer to which the rule applies.")
    flag: Code = Field(description="The flag that the assessment gets.")


class LoincCodes(FileShape):
    """The LOINC codes of an instrument as a whole."""

    panel: Loinc = Field(description="The code of the questionnaire.")
    total: Loinc = Field(description="The code of the total.")


class Instrument(FileShape, json_schema_extra=documented(_example)):
    """An instrument: its items, the possible answers, and the rules of scoring."""

    code: Code = Field(description="The instrument's code.")
    version: Version = Field(description="The instrument's version. A version never changes.")
    title: Line = Field(description="The instrument's title.")
    language: Language | None = Field(description="The language of the texts, as a BCP 47 tag.")
    asks_about_days: Annotated[int, Field(strict=True, ge=1, le=366)] | None = Field(
        description="The number of days that the questions look back; null if they do not look back."
    )
    direction: Literal["lower-is-better", "higher-is-better"] = Field(
        description="Whether lower or higher totals are better."
    )
    licence: Licence = Field(description="The licence of the instrument's wording.")
    introduction: Text | None = Field(
        description="The text before the first item; null if the operator has not added it."
    )
    options: dict[str, list[AnswerOption]] = Field(description="The lists of possible answers, by name.")
    items: Annotated[list[InstrumentItem], Field(min_length=1, max_length=MAX_ITEMS)] = Field(
        description="The items, in the order of `answers`."
    )
    factor: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(
        description="The total is the sum of the answers that count, multiplied by this factor."
    )
    missing_allowed: Annotated[int, Field(strict=True, ge=0, lt=MAX_ITEMS)] = Field(
        description="The maximum number of unanswered items, among those that count, for a prorated total."
    )
    subscales: list[Subscale] = Field(description="The subscales.")
    bands: list[Band] = Field(description="The bands of the total, lowest first.")
    change: MeaningfulChange | None = Field(
        description="The smallest meaningful change of the total; null if not known."
    )
    response: TreatmentResponse | None = Field(description="The rules for response and remission; null if not defined.")
    safety: list[SafetyRule] = Field(description="The rules for answers after which an app must show help.")
    loinc: LoincCodes | None = Field(description="The LOINC codes; null if there are none.")
    sources: list[Line] = Field(description="Publications, and notices of copyright.")

    @model_validator(mode="after")
    def _check(self) -> "Instrument":
        faults = [*_faults(self)]
        if faults:
            raise PydanticCustomError("instrument", "{faults}", {"faults": "; ".join(faults)})
        return self

    @property
    def guards_safety(self) -> bool:
        """Whether the instrument has a safety rule: then an answer can give an assessment a flag."""
        return bool(self.safety)


class Texts(FileShape):
    """The content of a file in the operator's folder with the texts of one instrument.

    `items` has the text of each item, and `options` the texts of each list of possible answers.
    """

    code: Code
    version: Version
    language: Language | None
    introduction: Text | None
    items: Annotated[list[Text | None], Field(min_length=1, max_length=MAX_ITEMS)]
    options: dict[str, list[Text]]
    copyright: Line | None


def with_texts(instrument: Instrument, texts: Texts) -> Instrument:
    """Return a copy of an instrument with texts.

    Raise `ValueError` if `texts` has another number of items, an unknown list of possible answers, or a list with
    another number of answers.
    """
    lengths = {name: len(options) for name, options in instrument.options.items()}
    given = {name: len(options) for name, options in texts.options.items()}
    if len(texts.items) != len(instrument.items) or not given.items() <= lengths.items():
        raise ValueError
    items = [item.model_copy(update={"text": text}) for item, text in zip(instrument.items, texts.items, strict=True)]
    options = {
        name: [
            option.model_copy(update={"text": text})
            for option, text in zip(listed, texts.options.get(name, [None] * len(listed)), strict=True)
        ]
        for name, listed in instrument.options.items()
    }
    return instrument.model_copy(
        update={
            "language": texts.language,
            "licence": instrument.licence.model_copy(update={"text_included": True}),
            "introduction": texts.introduction,
            "items": items,
            "options": options,
            "sources": [*instrument.sources, *([texts.copyright] if texts.copyright else [])],
        }
    )


def _faults(instrument: Instrument) -> Iterator[str]:
    """Yield a message for each error of an instrument, for example parts that contradict each other."""
    counted = sum(item.counts for item in instrument.items)
    if instrument.missing_allowed >= counted:
        yield "missing_allowed has to be less than the number of items that count"
    for number, item in enumerate(instrument.items, 1):
        if item.least >= item.most:
            yield f"item {number}: least has to be less than most"
        listed = instrument.options.get(item.options or "")
        if item.options is not None and listed is None:
            yield f"item {number}: options has no list named {item.options}"
        elif listed is not None and [option.value for option in listed] != [*range(item.least, item.most + 1)]:
            yield f"item {number}: the values of its options have to be {item.least} to {item.most}, in this order"
    yield from _scoring_faults(instrument, len(instrument.items))


def _scoring_faults(instrument: Instrument, items: int) -> Iterator[str]:
    for subscale in instrument.subscales:
        if not subscale.first <= subscale.last <= items:
            yield f"the subscale {subscale.code} has to go from an item to the same or a later item of the instrument"
    highest: int | None = None
    for band in instrument.bands:
        if band.lowest > band.highest or (highest is not None and band.lowest <= highest):
            yield f"the band {band.code} has to follow the one before it without an overlap"
        highest = band.highest
    for rule in instrument.safety:
        if rule.item > items:
            yield f"the flag {rule.flag} is about item {rule.item}, which does not exist"
    for name, codes in (("subscale", instrument.subscales), ("band", instrument.bands)):
        yield from (f"the {name} {code} occurs more than once" for code in _repeated(codes))


def _repeated(parts: Sequence[Subscale] | Sequence[Band]) -> list[str]:
    return [code for code, times in Counter(part.code for part in parts).items() if times > 1]
