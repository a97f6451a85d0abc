"""A pen: one person writing one kind of record, and tables of what its fields take and refuse."""

import json
from collections.abc import Iterable
from typing import Any

import httpx2 as httpx

from app.records import Resource
from tests.drafts import Json
from tests.refusals import pointers, refused
from tests.serving import Person

Values = tuple[Any, ...]
NOW = "2026-11-22T10:00:00.000000Z"
ODD = "\r\n wisteria e\u0301 \u00e9 \U0001f33f\U0001f9d1\u200d\U0001f680 \u202e\ufeff\x01 \t\r\n "
"""Four-byte characters, combining marks, controls, and blanks at either end."""
NOT_TEXT = ("\x00wisteria", "wisteria\ud800", 5, True, ["wisteria"], {"wisteria": "wisteria"})
NOT_A_CHOICE: Values = ("wisteria", "", 0, True, [], {})
NOT_AN_INTEGER: Values = ("5", True, 1.5, 1.0, float("inf"), 10**30, -(10**30), 10**4000, [], {})
NOT_A_TIME: Values = (
    "2026-11-22T10:00:00",
    "2026-11-22",
    "2026-11-22 10:00:00Z",
    "2026-11-22T10:00:60Z",
    1763805600,
    True,
    "",
)
NOT_A_TIME += ("2026-11-22T10:00:00.0000001Z", "1900-01-01T00:00:00+01:00", "2200-12-31T23:59:59-01:00", "now")
NOT_A_DAY = ("2026-02-29", "2026-1-1", "20261122", "2026-11-22T00:00:00Z", "1899-12-31", "2201-01-01", "", 5, True)
TIMES = {
    NOW: NOW,
    "2026-11-22T13:30:00+03:30": NOW,
    "2026-11-22T10:00:00.1-00:00": "2026-11-22T10:00:00.100000Z",
    "1900-01-01T00:00:00Z": "1900-01-01T00:00:00.000000Z",
    "2200-12-31T23:59:59.999999Z": "2200-12-31T23:59:59.999999Z",
}
JSON = {"Content-Type": "application/json"}


def spelled(value: object) -> bytes:
    """Spell JSON in UTF-8, with escapes only for what UTF-8 cannot say."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def long(length: int) -> str:
    """Return a text of so many code points, most of them of four bytes."""
    return "wisteria".ljust(length, "\U0001f33f")


class Pen:
    """Writes drafts on top of a base, and patches that force."""

    def __init__(self, person: Person, resource: Resource, **base: Any) -> None:
        self.person, self.resource, self.base = person, resource, base
        self.path = f"/v1/{resource.collection}"

    def draft(self, **changes: Any) -> httpx.Response:
        """Send a draft."""
        return self.person.client.post(self.path, content=spelled(self.base | changes), headers=JSON)

    def patch(self, record: Json, **changes: Any) -> httpx.Response:
        """Send a patch."""
        headers = JSON | {"If-Match": "*"}
        return self.person.client.patch(f"{self.path}/{record['id']}", content=spelled(changes), headers=headers)

    def create(self, **changes: Any) -> Json:
        """Return a new record, having read it back."""
        return self._kept(self.draft(**changes), 201)

    def change(self, record: Json, **changes: Any) -> Json:
        """Return a changed record, having read it back."""
        return self._kept(self.patch(record, **changes), 200)

    def keeps(self, record: Json, **changes: Any) -> Json:
        """Hold that draft and patch keep exactly these values; return the changed record."""
        for kept in (self.create(**changes), changed := self.change(record, **changes)):
            assert {name: kept[name] for name in changes} == changes
        return changed

    def refuses(self, record: Json, values: Iterable[Any], *names: str, within: str = "") -> None:
        """Hold that draft and patch refuse each of these values in every one of these fields, all at once."""
        expected = sorted(f"/{name}{within}" for name in names)
        for value in values:
            wrong = dict.fromkeys(names, value)
            assert pointers(self.draft(**wrong)) == expected, value
            assert pointers(self.patch(record, **wrong)) == expected, value

    def texts(self, **limits: int) -> None:
        """Hold that these fields keep texts byte for byte, up to so many code points."""
        record = self.create()
        changed = self.keeps(record, **{name: long(limit) for name, limit in limits.items()})
        assert all(len(changed[name]) == limit for name, limit in limits.items())
        self.keeps(record, **dict.fromkeys(limits, ODD))
        over = {name: long(limit + 1) for name, limit in limits.items()}
        for refusal in (self.draft(**over), self.patch(record, **over)):
            assert pointers(refusal) == sorted(f"/{name}" for name in limits)
        self.refuses(record, NOT_TEXT, *limits)
        for name in limits.keys() & self.base.keys():
            self.refuses(record, ["", None], name)
        self.keeps(record, **dict.fromkeys(limits.keys() - self.base.keys(), ""))

    def integers(self, least: int, most: int, *names: str) -> None:
        """Hold that these fields take integers from `least` to `most`."""
        record = self.create()
        for value in (least, 0, most):
            self.keeps(record, **dict.fromkeys(names, value))
        self.refuses(record, (least - 1, most + 1, *NOT_AN_INTEGER), *names)

    def choices(self, **listed: str) -> None:
        """Hold that these fields take the listed values, and no others."""
        record = self.create()
        options = {name: values.split() for name, values in listed.items()}
        for n in range(max(map(len, options.values()))):
            self.keeps(record, **{name: values[n % len(values)] for name, values in options.items()})
        self.refuses(record, NOT_A_CHOICE, *options)
        for name, values in options.items():
            self.refuses(record, [values[0].upper(), f" {values[0]}"], name)

    def times(self, *names: str) -> None:
        """Hold that these fields take RFC 3339 times, and tell them in UTC."""
        record = self.create()
        for given, told in TIMES.items():
            for kept in (
                self.create(**dict.fromkeys(names, given)),
                self.change(record, **dict.fromkeys(names, given)),
            ):
                assert [kept[name] for name in names] == [told] * len(names)
        self.refuses(record, NOT_A_TIME, *names)

    def days(self, *names: str) -> None:
        """Hold that these fields take dates."""
        record = self.create()
        for day in ("1900-01-01", "2028-02-29", "2200-12-31"):
            self.keeps(record, **dict.fromkeys(names, day))
        self.refuses(record, NOT_A_DAY, *names)

    def moves(self, listed: dict[str, str]) -> None:
        """Hold that a status goes where it is listed, stays where it is, and is told so otherwise."""
        for status, targets in listed.items():
            record = self.create(status=status)
            for target in listed:
                if target in targets.split():
                    assert self.change(self.create(status=status), status=target)["status"] == target
                elif target == status:
                    assert self.change(record, status=target) == record
                else:
                    refusal = refused(self.patch(record, status=target), 409, "invalid-transition")
                    assert refusal["allowed"] == sorted(targets.split())
            assert self.person.client.get(f"{self.path}/{record['id']}").json() == record

    def _kept(self, response: httpx.Response, status: int) -> Json:
        assert response.status_code == status, response.text
        record: Json = response.json()
        assert self.person.client.get(f"{self.path}/{record['id']}").json() == record
        return record
