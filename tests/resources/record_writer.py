"""Creates and updates records of one kind, and checks which values their fields accept."""

import json
from collections.abc import Iterable
from typing import Any

import httpx2 as httpx

from app.records import Resource
from tests.drafts import Json
from tests.refusals import pointers
from tests.serving import Person

Values = tuple[Any, ...]
NOW = "2026-11-22T10:00:00.000000Z"
ODD_TEXT = "\r\n wisteria e\u0301 \u00e9 \U0001f33f\U0001f9d1\u200d\U0001f680 \u202e\ufeff\x01 \t\r\n "
"""Four-byte characters, combining marks, control characters, and blanks at both ends."""
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
    "2026-11-22T10:00:00.0000001Z",
    "1900-01-01T00:00:00+01:00",
    "2200-12-31T23:59:59-01:00",
    "now",
)
NOT_A_DAY = ("2026-02-29", "2026-1-1", "20261122", "2026-11-22T00:00:00Z", "1899-12-31", "2201-01-01", "", 5, True)
TIMES = {
    NOW: NOW,
    "2026-11-22T13:30:00+03:30": NOW,
    "2026-11-22T10:00:00.1-00:00": "2026-11-22T10:00:00.100000Z",
    "1900-01-01T00:00:00Z": "1900-01-01T00:00:00.000000Z",
    "2200-12-31T23:59:59.999999Z": "2200-12-31T23:59:59.999999Z",
}
"""Times as sent, and as the response contains them."""
JSON = {"Content-Type": "application/json"}


def encode_json(value: object) -> bytes:
    """Encode JSON in UTF-8; escape only lone surrogates, which UTF-8 cannot encode."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def long_text(length: int) -> str:
    """Return a text of this many code points, most of which take four bytes."""
    return "wisteria".ljust(length, "\U0001f33f")


class RecordWriter:
    """Creates and updates records of one kind as one person.

    Every draft has the fields in `base`; every update is sent with `If-Match: *`.
    """

    def __init__(self, person: Person, resource: Resource, **base: Any) -> None:
        self.person, self.resource, self.base = person, resource, base
        self.path = resource.path

    def post(self, **fields: Any) -> httpx.Response:
        """Send a draft; return the response."""
        return self.person.client.post(self.path, content=encode_json(self.base | fields), headers=JSON)

    def patch(self, record: Json, **fields: Any) -> httpx.Response:
        """Send a patch of the record; return the response."""
        headers = JSON | {"If-Match": "*"}
        return self.person.client.patch(f"{self.path}/{record['id']}", content=encode_json(fields), headers=headers)

    def create(self, **fields: Any) -> Json:
        """Create a record; assert that it reads back equal; return it."""
        return self._read_back(self.post(**fields), 201)

    def update(self, record: Json, **fields: Any) -> Json:
        """Update the record; assert that it reads back equal; return it."""
        return self._read_back(self.patch(record, **fields), 200)

    def assert_stores(self, record: Json, **fields: Any) -> Json:
        """Assert that a draft and a patch of the record store exactly these values; return the updated record."""
        for stored in (self.create(**fields), updated := self.update(record, **fields)):
            assert {name: stored[name] for name in fields} == fields
        return updated

    def assert_rejects(self, record: Json, values: Iterable[Any], *names: str, within: str = "") -> None:
        """Assert that a draft and a patch with one of these values in all of these fields have a fault for each field.

        The faults point to `within` the field, for example to the first item of a list.
        """
        expected = sorted(f"/{name}{within}" for name in names)
        different = []
        for value in values:
            wrong = dict.fromkeys(names, value)
            for response in (self.post(**wrong), self.patch(record, **wrong)):
                problem = response.json()
                found = sorted(fault["pointer"] for fault in problem.get("errors", ()))
                if (response.status_code, problem.get("code"), found) != (422, "validation", expected):
                    different.append((value, response.text))
        assert different == []

    def assert_text_fields(self, **limits: int) -> None:
        """Assert that these fields store texts exactly as sent, up to this many code points."""
        record = self.create()
        longest = self.assert_stores(record, **{name: long_text(limit) for name, limit in limits.items()})
        assert all(len(longest[name]) == limit for name, limit in limits.items())
        self.assert_stores(record, **dict.fromkeys(limits, ODD_TEXT))
        too_long = {name: long_text(limit + 1) for name, limit in limits.items()}
        for response in (self.post(**too_long), self.patch(record, **too_long)):
            assert pointers(response) == sorted(f"/{name}" for name in limits)
        self.assert_rejects(record, NOT_TEXT, *limits)
        for name in limits.keys() & self.base.keys():
            self.assert_rejects(record, ["", None], name)
        self.assert_stores(record, **dict.fromkeys(limits.keys() - self.base.keys(), ""))

    def assert_integer_fields(self, minimum: int, maximum: int, *names: str) -> None:
        """Assert that these fields accept integers from `minimum` to `maximum`."""
        record = self.create()
        for value in (minimum, (minimum + maximum) // 2, maximum):
            self.assert_stores(record, **dict.fromkeys(names, value))
        self.assert_rejects(record, (minimum - 1, maximum + 1, *NOT_AN_INTEGER), *names)

    def assert_choices(self, **choices: str) -> None:
        """Assert that these fields accept the choices, which are separated by blanks, and no other values."""
        record = self.create()
        options = {name: values.split() for name, values in choices.items()}
        for n in range(max(map(len, options.values()))):
            self.assert_stores(record, **{name: values[n % len(values)] for name, values in options.items()})
        self.assert_rejects(record, NOT_A_CHOICE, *options)
        for name, values in options.items():
            self.assert_rejects(record, [values[0].swapcase(), f" {values[0]}"], name)

    def assert_time_fields(self, *names: str) -> None:
        """Assert that these fields accept RFC 3339 times, and that responses contain them in UTC."""
        record = self.create()
        for sent, stored in TIMES.items():
            fields = dict.fromkeys(names, sent)
            for response in (self.create(**fields), self.update(record, **fields)):
                assert [response[name] for name in names] == [stored] * len(names)
        self.assert_rejects(record, NOT_A_TIME, *names)

    def assert_date_fields(self, *names: str) -> None:
        """Assert that these fields accept dates."""
        record = self.create()
        for day in ("1900-01-01", "2028-02-29", "2200-12-31"):
            self.assert_stores(record, **dict.fromkeys(names, day))
        self.assert_rejects(record, NOT_A_DAY, *names)

    def assert_transitions(self, status: str, transitions: dict[str, str]) -> None:
        """Assert that this status can change to its targets, which are separated by blanks, and to no other status.

        A patch to the same status changes nothing. Any other target is 409, and the problem lists the allowed targets.
        """
        record, targets = self.create(status=status), transitions[status].split()
        changed = [self.update(self.create(status=status), status=target)["status"] for target in targets]
        assert changed == targets
        assert self.update(record, status=status) == record
        others = [other for other in transitions if other not in {status, *targets}]
        problems = {other: self.patch(record, status=other).json() for other in others}
        found = {other: (problem.get("code"), problem.get("allowed")) for other, problem in problems.items()}
        assert found == dict.fromkeys(others, ("invalid-transition", sorted(targets)))
        assert self.person.client.get(f"{self.path}/{record['id']}").json() == record

    def _read_back(self, response: httpx.Response, status: int) -> Json:
        assert response.status_code == status, response.text
        record: Json = response.json()
        assert self.person.client.get(f"{self.path}/{record['id']}").json() == record
        return record
