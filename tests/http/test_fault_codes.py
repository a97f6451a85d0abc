"""The codes of faults: each fault of any input has a code of the enumeration, and none is the vague `invalid`."""

import math
from decimal import Decimal
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from app.http.reading import faults_of, validate
from app.identity.shapes import Shape
from app.problems import FaultCode, Invalid
from app.resources import RESOURCES
from app.sync.requests import SyncOp, SyncPush

BODIES: list[type[BaseModel]] = [
    *Shape.__subclasses__(),
    SyncOp,
    SyncPush,
    *(shape for kind in RESOURCES for shape in (kind.draft, kind.patch)),
]
VALUES: list[Any] = [
    None,
    True,
    1,
    -1,
    10**6,
    -(10**6),
    10**39,
    math.inf,
    Decimal("1.5"),
    Decimal("1e400"),
    "",
    "wisteria",
    "password1",
    "w" * 200_000,
    "wisteria\0",
    "\ud800",
    [],
    ["wisteria"],
    ["wisteria"] * 100,
    [None],
    [[]],
    {},
    {"wisteria": 1},
]


@pytest.mark.parametrize(
    ("shape", "name"),
    [pytest.param(shape, name, id=f"{shape.__name__}-{name}") for shape in BODIES for name in shape.model_fields],
)
def test_every_fault_of_a_member_has_a_code_of_the_enumeration(shape: type[BaseModel], name: str) -> None:
    seen: set[str] = set()
    for value in VALUES:
        try:
            validate(shape, {name: value, "wisteria": 1})
        except Invalid as problem:
            seen |= {each["code"] for each in problem.members["errors"]}
    assert seen
    assert seen <= {*get_args(FaultCode)} - {"invalid"}


def test_an_unforeseen_error_has_the_code_invalid() -> None:
    error = ValidationError.from_exception_data(
        "Wisteria", [{"type": PydanticCustomError("wisteria", "In flower"), "loc": ("season",), "input": 1}]
    )
    assert [fault.code for fault in faults_of(error)] == ["invalid"]


@pytest.mark.parametrize("kind", [each for each in Invalid.__subclasses__() if each.code in get_args(FaultCode)])
def test_a_kind_of_problem_with_its_own_fault_has_that_code(kind: type[Invalid]) -> None:
    assert kind.fault.code == kind.code
