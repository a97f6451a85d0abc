"""The OpenAPI document.

A route declares its own problems with `problems(NotFound, Outdated)`; those of every request are added. A shape has its
example from `example(...)`, and an operation gets the examples of its body and responses, which the tests send.
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
