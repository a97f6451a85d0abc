"""Generates the OpenAPI document.

A route declares its problems with `problems(NotFound, Outdated)`, which adds the problems of every request. A Pydantic
model declares its example with `example(...)`. An operation gets the examples of its body and responses; the tests send
them.
"""

from app.openapi.document import document
from app.openapi.examples import Example, Json, example, removable_id
from app.openapi.problems import problems
from app.openapi.text import text

__all__ = [
    "Example",
    "Json",
    "document",
    "example",
    "problems",
    "removable_id",
    "text",
]
