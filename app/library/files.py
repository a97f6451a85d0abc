"""Reads the files of the library: JSON that is validated by a Pydantic model, its shape."""

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
"""The folder of the files that come with the server."""
Shape = TypeVar("Shape", bound=BaseModel)


def documented(shown: Callable[[], Json] | None = None) -> Callable[[Json], None]:
    """Return a function that adapts the JSON schema of a shape of files for the OpenAPI document (`json_schema_extra`).

    It adds the example that `shown` returns, and allows unknown members. Files must not have unknown members, but a
    later version of the API may add members to responses.
    """

    def complete(schema: Json) -> None:
        schema.pop("additionalProperties", None)
        if shown is not None:
            schema["examples"] = [shown()]

    return complete


class FileShape(BaseModel):
    """The base class of the models for files of the library. Some of these models are also parts of responses."""

    model_config = {"extra": "forbid", "defer_build": True, "json_schema_extra": documented()}


class LibraryError(Exception):
    """One or more files of the library cannot be used. `lines` has a text for each fault: the path and the reason."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Create the error from a text for each fault."""
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
    """Return the content of a file as an instance of `shape`; raise `LibraryError` if it is not valid."""
    value = read_json(path)
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise LibraryError(f"{path}: {each.pointer or '/'}: {each.message}" for each in faults_of(error)) from None
