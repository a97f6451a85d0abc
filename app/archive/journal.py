"""The journal of an export: what a person wrote, as a Markdown file for each month, by local day.

Each record has an entry: a heading, a line of facts, a line that names the records to which the record refers, and
the person's own words. The entries of records that belong to another record, such as the elements of a session, follow
the entry of that record. The module of each kind of record declares the form of its entries as a
`app.records.journal.Journal`.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cache
from itertools import groupby
from string import Formatter
from typing import Any, Final, NamedTuple

from app.archive.markdown import escape, paragraphs
from app.archive.spool import Spool, Spooled, zone
from app.db import Row
from app.ids import parse
from app.records.resource import Resource

MAX_TITLE: Final = 120
"""The maximum number of characters of a title in a heading, or in an entry that refers to the record.

A longer title is shortened there, and written in full below the heading.
"""
_DAY_BYTES: Final = 4
_ROOT_BYTES: Final = 29
_NESTED_BYTES: Final = 25
"""The length, in bytes, of an entry's position in a key of `Spool.entries`.

It is `_ROOT_BYTES` at the top level, and `_NESTED_BYTES` more for each level below.
"""
_UNWRITTEN: Final = {"visibility", "timezone"}
_is_day = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_is_instant = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z", re.ASCII).fullmatch


class Layout(NamedTuple):
    """How the journal entries of one kind of record are written.

    A layout has what the kind of record declares (`Resource.journal`), and default values for the rest.
    """

    name: str
    """The name of the kind for readers, such as `{kind} session`: a template whose fields are replaced by values."""
    title: str
    """The field of the record that is in the heading."""
    facts: tuple[str, ...]
    """The templates of the facts, such as `due {due_on}`."""
    labels: dict[str, str]
    """The fields that are written as paragraphs, each with the label of the paragraph, which may be empty."""
    about: dict[str, Resource]
    """The fields that refer to other records, each with the kind of that record.

    The reference to the record whose entry this entry follows is not included.
    """


@cache
def layout(resource: Resource) -> Layout:
    """Return the layout of the journal entries of a kind of record."""
    declared, targets = resource.journal, resource.targets
    words = [name for name in resource.word_names if name != declared.title]
    plain = [name for name in resource.field_names if name not in {*resource.word_names, *resource.references}]
    unwritten = {*_UNWRITTEN, *declared.dated_by}
    by_default = tuple(f"{_plain(name)} {{{name}}}" for name in plain if name not in unwritten)
    labels = dict.fromkeys([*declared.labels, *words], "")
    labels |= {name: "" if name == resource.text else _plain(name).capitalize() for name in labels}
    labels |= declared.labels
    return Layout(
        declared.name or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", resource.public.__name__).lower(),
        declared.title,
        by_default if declared.facts is None else declared.facts,
        labels,
        {
            name: targets[name]
            for name in resource.field_names
            if name in targets and name != resource.on_delete_cascade
        },
    )


class Month(NamedTuple):
    """The journal of a month: its name, such as `2026-11`, and its Markdown text in parts."""

    name: str
    parts: Iterator[str]


def months(spool: Spool, keys: Iterable[bytes]) -> Iterator[Month]:
    """Yield the months of the journal in order. `keys` are all keys of `Spool.entries`, sorted.

    The caller must read all parts of a month before it requests the next month.
    """
    for first, of_month in groupby(keys, lambda key: _day(key).replace(day=1)):
        yield Month(f"{first.year:04}-{first.month:02}", _month(spool, first, of_month))


def _month(spool: Spool, first: date, keys: Iterator[bytes]) -> Iterator[str]:
    yield f"# {first:%B} {first.year}\n"
    for day, of_day in groupby(keys, _day):
        yield f"\n## {day:%A}, {_format_day(day)}\n"
        for key in of_day:
            depth = (len(key) - 8 - _ROOT_BYTES) // _NESTED_BYTES
            yield Entry(spool, spool.entry(key), day, depth).text()


class Entry:
    """The journal entry of one record."""

    def __init__(self, spool: Spool, spooled: Spooled, day: date, depth: int) -> None:
        """Create the entry of the record `spooled`.

        `day` is the day under which the entry is written. `depth` is the number of entries in which it is nested.
        """
        self._spool, self._day, self._depth = spool, day, depth
        self._resource, self._values = spooled.resource, spooled.values
        self._layout = layout(spooled.resource)
        self._timezone = self._values.get("timezone") or spool.timezone

    def text(self) -> str:
        """Return the entry as Markdown."""
        blocks = [f"{'#' * min(3 + self._depth, 6)} {self._heading()}"]
        title = self._values.get(self._layout.title) or ""
        blocks += [paragraphs(title)] if _is_long(title) else []
        blocks += [" · ".join(facts)] if (facts := [*self._facts()]) else []
        blocks += ["About " + ", ".join(about)] if (about := [*self._about()]) else []
        blocks += self._words()
        return "".join(f"\n{block}\n" for block in blocks)

    def _heading(self) -> str:
        name = _capitalized(_fill_template(self._layout.name, self._values, self._format) or "")
        time = "" if self._depth else f"{self._time()} · "
        title = escape(_cut(self._values.get(self._layout.title) or ""))
        return f"{time}{name}: {title}" if title else f"{time}{name}"

    def _time(self) -> str:
        elsewhere = "" if self._timezone == self._spool.timezone else f" ({self._timezone})"
        return f"{self._format(self._resource.journal.instant(self._values))}{elsewhere}"

    def _facts(self) -> Iterator[str]:
        for template in self._layout.facts:
            fact = _fill_template(template, self._values, self._format)
            if fact is not None:
                yield fact
        written = self._format(self._values["created_at"])
        if self._depth and "," in written:
            yield f"written on {written}"

    def _about(self) -> Iterator[str]:
        for field, kind in self._layout.about.items():
            id = self._values[field]
            target = None if id is None else self._spool.find(kind, parse(id))
            if target is not None:
                values = target.values
                name = _fill_template(layout(kind).name, values, self._format)
                title = _cut(values.get(layout(kind).title) or "")
                on = _format_day(self._local(kind.journal.instant(values)).date())
                yield f"the {name} “{escape(title)}”" if title else f"the {name} of {on}"

    def _words(self) -> Iterator[str]:
        for field, label in self._layout.labels.items():
            words = self._values[field]
            text = ", ".join(filter(None, words)) if isinstance(words, list) else words or ""
            if text.strip():
                yield (f"**{label}:** " if label else "") + paragraphs(text)

    def _format(self, value: Any) -> str:
        """Return a value as text for people. A time on the day of the entry is written without its date."""
        if isinstance(value, list):
            return ", ".join(map(self._format, value))
        if isinstance(value, dict):
            return ", ".join(f"{_plain(name)} {self._format(each)}" for name, each in value.items() if each is not None)
        if isinstance(value, str) and _is_day(value):
            return _format_day(date.fromisoformat(value))
        if isinstance(value, str) and _is_instant(value):
            local = self._local(value)
            is_of_day = local.date() == self._day
            return f"{local:%H:%M}" if is_of_day else f"{_format_day(local.date())}, {local:%H:%M}"
        return format_value(value)

    def _local(self, instant: str) -> datetime:
        return datetime.fromisoformat(instant).astimezone(zone(self._timezone))


def format_value(value: str | float | None) -> str:
    """Return one value as Markdown text: a text, a number, `yes` or `no`, or a hyphen for None."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(_plain(value)) if isinstance(value, str) else f"{value:.12g}"


def _day(key: bytes) -> date:
    return date.fromordinal(int.from_bytes(key[:_DAY_BYTES], "big"))


def _format_day(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def _fill_template(template: str, values: Row, format_value: Any) -> str | None:
    """Return a template with its fields replaced by formatted values; None if a value is None or an empty list."""
    fields = [name for _, name, _, _ in Formatter().parse(template) if name]
    if any(values[name] in (None, []) for name in fields):
        return None
    return template.format_map({name: format_value(values[name]) for name in fields})


def _is_long(title: str) -> bool:
    return len(" ".join(title.split())) > MAX_TITLE


def _cut(title: str) -> str:
    line = " ".join(title.split())
    return f"{line[: MAX_TITLE - 1].rstrip()}…" if _is_long(title) else line


def _plain(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _capitalized(name: str) -> str:
    return name[:1].upper() + name[1:]
