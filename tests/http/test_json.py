"""The reading and writing of JSON by itself, without a field."""

import math

import pytest

from app import json_strict


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1" * 41, "1e99999999999999999999"])
def test_a_number_that_is_too_large_is_read_as_infinite(number: str) -> None:
    assert math.isinf(json_strict.parse(number.encode()))


def test_a_value_that_json_cannot_represent_is_not_written() -> None:
    with pytest.raises(TypeError):
        json_strict.dump({"wisteria": object()})


def test_a_long_list_is_not_counted_as_deep() -> None:
    many = [{"wisteria": number} for number in range(40)]
    assert json_strict.parse(json_strict.dump({"many": many, "brackets": "[" * 40})) == {
        "many": many,
        "brackets": "[" * 40,
    }
