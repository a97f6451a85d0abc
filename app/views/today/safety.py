"""Whether to show help: by the newest answers to the items that guard safety."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.library import Instrument, Library


def shows_help(assessments: Iterable[Mapping[str, Any]], library: Library) -> bool:
    """Return whether, of any instrument that guards safety, the newest assessment has a flag.

    `assessments` are those of the last 14 days that were not entered in error, in progress or completed. One in which none of
    the items that guard safety is answered says nothing, so it does not count.
    """
    newest: dict[str, Mapping[str, Any]] = {}
    for each in sorted(assessments, key=lambda each: each["taken_at"]):
        instrument = library.instrument(each["instrument"], each["instrument_version"])
        if each["flags"] or (instrument is not None and _answers_safety(instrument, each["answers"])):
            newest[each["instrument"]] = each
    return any(each["flags"] for each in newest.values())


def _answers_safety(instrument: Instrument, answers: list[int | None]) -> bool:
    return any(answers[rule.item - 1] is not None for rule in instrument.safety)
