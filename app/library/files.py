"""Reads files of the library: JSON that is validated against a shape."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from app import json_strict
from app.http.reading import faults_of
from app.openapi import Json
from app.problems import MalformedBody

MAX_BYTES: Final = 2**20
DATA: Final = Path(__file__).parent / "data"
"""The folder of the shipped files."""
Shape = TypeVar("Shape", bound=BaseModel)


def documented(shown: Callable[[], Json] | None = None) -> Callable[[Json], None]:
    """Return the `json_schema_extra` of a shape, with the example that `shown` returns when the document is generated.

    Files must not have unknown members. In the OpenAPI document, the shape allows them, because a later version of the
    API may add members to responses.
    """

    def complete(schema: Json) -> None:
        schema.pop("additionalProperties", None)
        if shown is not None:
            schema["examples"] = [shown()]

    return complete


class FileShape(BaseModel):
    """The base class for shapes of files. Some of these shapes are also parts of responses."""

    model_config = {"extra": "forbid", "defer_build": True, "json_schema_extra": documented()}


class LibraryError(Exception):
    """Files of the library cannot be used. `lines` has a line for each fault, with the path of its file."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Take a line for each fault."""
        self.lines = (*lines,)
        super().__init__("; ".join(self.lines))


def read_json(path: Path) -> object:
    """Return the JSON value of a file; raise `LibraryError` if it cannot be read, is too large or is not JSON."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise LibraryError([f"{path} cannot be read ({error.strerror})"]) from None
    if len(text) > MAX_BYTES:
        raise LibraryError([f"{path} has more than {MAX_BYTES} bytes"])
    try:
        return json_strict.parse(text)
    except MalformedBody:
        raise LibraryError([f"{path} is not valid JSON"]) from None


def read_file(shape: type[Shape], path: Path) -> Shape:
    """Return the content of a file; raise `LibraryError` with a line for each fault if it does not have the shape."""
    value = read_json(path)
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise LibraryError(f"{path}: {each.pointer or '/'}: {each.message}" for each in faults_of(error)) from None
