"""Error lines for invalid settings: what a value must be, and which valid name a misspelt name resembles."""

import os
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from enum import EnumMeta
from pathlib import Path
from types import UnionType
from typing import Any, Final, get_args, get_origin

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource

from app.settings import Settings

PREFIX: Final = "AFTERGLOW_"
_KINDS: Final[dict[Any, str]] = {int: "a whole number", float: "a number", bool: "true or false"}
_NOT_SETTINGS: Final = re.compile(
    r"AFTERGLOW_(TEST_\w+=|PROJECT=|PORT=\w+://|PORT_\w+=|SERVICE_HOST=|SERVICE_PORT(_\w+)?=)", re.IGNORECASE
)
"""Other environment variables, as `NAME=VALUE`, that begin with `AFTERGLOW_`: the tests use some, and Kubernetes sets
some for a service with the name `afterglow`."""
_OPTIONS: Final = ("HOST", "PORT", "WORKERS")
"""Options of `afterglow serve` that are not settings."""

_INCOMPLETE: Final = re.compile(r"^\s*(?:export\s+)?(AFTERGLOW_\w+)\b(?!\s*=)", re.MULTILINE | re.IGNORECASE)


def invalid_settings(error: ValidationError) -> list[str]:
    """Return an error line for each setting that is not valid. The lines do not contain the values."""
    lines = {}
    for each in error.errors(include_url=False, include_input=False):
        name = str(each["loc"][0])
        own = each["msg"].removeprefix("Value error, ") if each["type"] == "value_error" else None
        lines[name] = f"{PREFIX}{name.upper()} {own or _expected(name)}"
    return list(lines.values())


def unknown_settings() -> list[str]:
    """Return an error line for each variable in the environment or in `.env` that begins with `AFTERGLOW_`, but is
    neither a setting nor one of `_NOT_SETTINGS`.
    """
    known = [name.upper() for name in Settings.model_fields]
    return [f"{PREFIX}{name} is not a setting{_advice(name, known)}" for name in sorted(_names() - {*known})]


def _advice(name: str, known: Sequence[str]) -> str:
    """Return what to do about a name that is not one of the `known` names of settings."""
    if name in _OPTIONS:
        return f": use the option --{name.lower()} of `afterglow serve`"
    nearest = get_close_matches(name, known, 1)
    return f": did you mean {PREFIX}{nearest[0]}?" if nearest else "; see .env.example, or remove it"


def incomplete_lines() -> list[str]:
    """Return an error line for each line of `.env` that begins with a name such as `AFTERGLOW_ENV`, but has no `=`."""
    file = Path(".env")
    names = _INCOMPLETE.findall(file.read_text("utf-8")) if file.is_file() else []
    return [f"the file .env has {name} without a value: write {name}=VALUE" for name in names]


def _names() -> set[str]:
    """Return the names in the environment and in `.env` that begin with `AFTERGLOW_`, in upper case, without the prefix.

    The variables in `_NOT_SETTINGS` are left out.
    """
    variables = [*os.environ.items(), *DotEnvSettingsSource(Settings).env_vars.items()]
    names = [name.upper() for name, value in variables if not _NOT_SETTINGS.match(f"{name}={value}")]
    return {name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)}


def _expected(name: str) -> str:
    """Return a description of the valid values of a setting: its type or its choices, and its bounds."""
    field = Settings.model_fields[name]
    kinds = get_args(field.annotation) if isinstance(field.annotation, UnionType) else (field.annotation,)
    kind = kinds[0]
    if get_origin(kind) is list:
        choices = ", ".join(_choices(get_args(kind)[0]))
        return f"must list any of {choices}, separated by commas" + (", or be none" if name == "notices" else "")
    if isinstance(kind, EnumMeta):
        return "must be " + " or ".join(_choices(kind))
    return " ".join(["must be", _KINDS.get(kind, "a text"), *_bounds(field.metadata)])


def _choices(kind: Any) -> list[str]:
    """Return the values of an enumeration or of a `Literal`."""
    return [str(each) for each in (kind if isinstance(kind, EnumMeta) else get_args(kind))]


def _bounds(metadata: list[Any]) -> Iterator[str]:
    low = next((each.ge for each in metadata if hasattr(each, "ge")), None)
    high = next((each.le for each in metadata if hasattr(each, "le")), None)
    if low is not None:
        yield f"of at least {low}" if high is None else f"from {low} to {high}"
