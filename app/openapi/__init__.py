"""The OpenAPI document: what FastAPI finds in the routes, and what it cannot know.

A route declares the problems that are its own with `problems(NotFound, Outdated)`; those that any request can meet are
added. Shapes carry their examples, `example(...)`, and an operation shows those of its body and its answer; the tests
send them.
"""

from app.openapi.document import document
from app.openapi.examples import Example, Json, example
from app.openapi.problems import problems

__all__ = [
    "Example",
    "Json",
    "document",
    "example",
    "problems",
]
