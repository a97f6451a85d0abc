"""Decides whether to show help, by the newest answers to the items that have a safety rule."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.library import Instrument, Library


def shows_help(assessments: Iterable[Mapping[str, Any]], library: Library) -> bool:
    """Return whether, for at least one instrument, the newest assessment with this instrument has a flag.

    `assessments` are the assessments of the last 14 days with instruments that have safety rules, in progress or
    completed. An assessment in which no item with a safety rule is answered does not count.
    """
    newest: dict[str, Mapping[str, Any]] = {}
    for each in sorted(assessments, key=lambda each: each["taken_at"]):
        instrument = library.instrument(each["instrument"], each["instrument_version"])
        if each["flags"] or (instrument is not None and _answers_safety(instrument, each["answers"])):
            newest[each["instrument"]] = each
    return any(each["flags"] for each in newest.values())


def _answers_safety(instrument: Instrument, answers: list[int | None]) -> bool:
    return any(answers[rule.item - 1] is not None for rule in instrument.safety)
