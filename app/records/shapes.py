"""The shapes of a record: its fields, and the draft, the patch and the public shape that are derived from them.

A kind declares its fields once, with their bounds, defaults and descriptions. These shapes are derived from them:

- the *draft*, the body of a POST: the fields with their defaults, and an optional id;
- the *patch*, the body of a PATCH: all fields optional; an absent field is unchanged, null clears a field (RFC 7396);
- the *public* shape, the body of a response: the fields without defaults, so that all members are always present.

Pydantic builds the validators of drafts and patches at import. The other shapes only appear in the OpenAPI document,
and are built with it.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from types import GenericAlias
from typing import Annotated, Any, Final, TypeVar

from pydantic import MISSING, BaseModel, Field, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from app.clock import Instant
from app.ids import Id
from app.openapi import Example, example
from app.records.text import Sealed, is_marked

Shape = TypeVar("Shape", bound=BaseModel)
STORED_EXAMPLE: Final[Example] = {
    "version": 1099511627781,
    "created_at": "2026-11-22T18:40:12.504118Z",
    "updated_at": "2026-11-22T18:40:12.504118Z",
}

Version = Annotated[int, Field(strict=True, ge=1, lt=2**53)]
"""A feed's epoch and a sequence number in one integer, which fits into the 53 bits that a JSON number can have."""


class Visibility(StrEnum):
    """Who may see a record.

    `private`: only its owner. `shared`: also a clinic to which the owner has given a consent.
    """

    PRIVATE = "private"
    SHARED = "shared"


class Fields(BaseModel, extra="forbid", allow_inf_nan=False, defer_build=True):
    """The fields that every kind of record has; a kind adds its own."""

    visibility: Visibility = Field(Visibility.PRIVATE, description="Who may see the record.")


class RecordDraft(BaseModel, defer_build=True):
    """The members of a draft in addition to the fields: an optional id."""

    id: Annotated[
        Id | MISSING,
        Field(
            description="The record's id: a UUID, preferably of version 7. If the client chooses it, the same draft "
            "sent again returns the existing record. Without it, each request creates a new record."
        ),
    ] = MISSING


class RecordPublic(BaseModel, defer_build=True):
    """The members that the server adds to the fields in a response."""

    id: Id = Field(description="The record's id.")
    version: Version = Field(
        description="The record's version. A change gives the record a higher version than any earlier change of the "
        "owner's records. In quotes, it is the record's ETag."
    )
    created_at: Instant = Field(description="When the record was created.")
    updated_at: Instant = Field(description="When the record was last changed.")


class Page(BaseModel, defer_build=True):
    """A page of a list, newest first."""

    items: list[Any] = Field(description="The records.")
    next_cursor: str | None = Field(
        description="Send this as `cursor` to get the next page. Null on the last page.", examples=[None]
    )


class FormerVersion(BaseModel, defer_build=True):
    """A version of a record that a later change replaced."""

    version: Version = Field(description="The version.", examples=[STORED_EXAMPLE["version"]])
    written_at: Instant = Field(description="When this version was written.", examples=[STORED_EXAMPLE["updated_at"]])
    device_id: Id | None = Field(
        description="The device that wrote this version, as in `GET /v1/auth/devices`. Null if it is not known.",
        examples=["019aa2c4-7b00-7000-8000-00000000de01"],
    )
    record: Any


def sealed_fields(shape: type[BaseModel], mark: type[Sealed] = Sealed) -> frozenset[str]:
    """Return the names of the fields whose type has the mark.

    All fields that are stored only in the sealed document have the default mark, `Sealed`.
    """
    return frozenset(
        name
        for name, field in shape.model_fields.items()
        if any(isinstance(each, mark) for each in field.metadata) or is_marked(field.annotation, mark)
    )


def sent_fields(shape: BaseModel) -> dict[str, Any]:
    """Return the members of a draft or patch that the request contains, with their parsed values."""
    sent = shape.model_fields_set
    return {name: value for name, value in shape.__dict__.items() if name in sent}


def draft(shown: Example, *, completed: Iterable[str] = ()) -> Callable[[type[Shape]], type[Shape]]:
    """Return a decorator for a draft. A client may omit the fields in `completed`, which `settle` then sets.

    The documented example is `shown` without the id, so that each request with it creates a record.
    """

    def decorate(shape: type[Shape]) -> type[Shape]:
        for name in completed:
            _make_optional(shape.model_fields[name])
        return _build(_with_example(shape, {name: value for name, value in shown.items() if name != "id"}))

    return decorate


def patch(shown: Example) -> Callable[[type[Shape]], type[Shape]]:
    """Return a decorator for a patch: all fields become optional, without defaults.

    `shown` is the documented example.
    """

    def decorate(shape: type[Shape]) -> type[Shape]:
        for field in shape.model_fields.values():
            _make_optional(field)
        return _build(_with_example(shape, shown))

    return decorate


def public(draft: Example) -> Callable[[type[Shape]], type[Shape]]:
    """Return a decorator for a public shape: all fields become required.

    The documented example is the response to a request with `draft`.
    """

    def decorate(shape: type[Shape]) -> type[Shape]:
        shape.model_config["extra"] = "ignore"
        shown = {}
        for name, field in shape.model_fields.items():
            default = field.get_default(call_default_factory=True, validated_data={})
            shown[name] = None if default is PydanticUndefined else default
            field.default, field.default_factory = PydanticUndefined, None
        return _with_example(shape, shown | dict(STORED_EXAMPLE) | dict(draft))

    return decorate


def page(item: type[BaseModel], description: str) -> type[Page]:
    """Return the shape of a page of records. It has no example of its own, because the shape `item` has one."""
    return _page(f"{item.__name__}Page", description, item, "The records.")


def history(item: type[BaseModel], one: str) -> type[Page]:
    """Return the shape of a page of former versions of a record.

    `one` is the name of the kind with its article: "a session".
    """
    record: Any = (item, Field(description="The record, as it was."))
    version = create_model(
        f"{item.__name__}Version", __base__=FormerVersion, __doc__=f"A former version of {one}.", record=record
    )
    return _page(f"{item.__name__}History", f"Former versions of {one}, newest first.", version, "The versions.")


def _page(name: str, description: str, item: type[BaseModel], items_description: str) -> type[Page]:
    items: Any = (GenericAlias(list, item), Field(description=items_description))
    return create_model(name, __base__=Page, __doc__=description, items=items)


def _with_example(shape: type[Shape], shown: Example) -> type[Shape]:
    shape.model_config["json_schema_extra"] = example(shown)
    return shape


def _build(shape: type[Shape]) -> type[Shape]:
    """Build the validator of a shape now instead of at the first request."""
    shape.model_config["defer_build"] = False
    shape.model_rebuild()
    return shape


def _make_optional(field: FieldInfo) -> None:
    annotation: Any = field.annotation
    field.annotation = annotation | MISSING
    field.default, field.default_factory = MISSING, None
