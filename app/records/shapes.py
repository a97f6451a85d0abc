"""The shapes of a record: its fields, the draft of a new one, a patch, and what its owner sees.

A room writes its fields once, with their bounds, defaults and descriptions; the other shapes are derived:

- the *draft* has the fields with their defaults, and may carry an id;
- the *patch* has the fields and no defaults: absent is unchanged, null is cleared (RFC 7396);
- the *public* shape has the fields without defaults, so that every answer has every member.

Pydantic builds what reads a draft or a patch when it is derived; of the other shapes, which are only documented, when the
document is asked for.
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

Shape = TypeVar("Shape", bound=BaseModel)
STORED_EXAMPLE: Final[Example] = {
    "version": 1099511627781,
    "created_at": "2026-11-22T18:40:12.504118Z",
    "updated_at": "2026-11-22T18:40:12.504118Z",
}


Version = Annotated[int, Field(strict=True, ge=1, lt=2**53)]
"""A number of a feed with the feed's epoch: a JSON integer of 53 bits."""


class Visibility(StrEnum):
    """Who may ever see a record: its owner alone, or a clinic too, under a consent."""

    PRIVATE = "private"
    SHARED = "shared"


class Fields(BaseModel, extra="forbid", allow_inf_nan=False, defer_build=True):
    """The fields that a person sets."""

    visibility: Visibility = Field(
        Visibility.PRIVATE,
        description="Who may see the record: `private` is the owner alone; `shared` also a clinic, under a consent.",
    )


class RecordDraft(BaseModel, defer_build=True):
    """What a draft may carry besides the fields."""

    id: Annotated[Id | MISSING, Field(description="The record's id, chosen by the device; UUID version 7 is best.")] = (
        MISSING
    )


class RecordPublic(BaseModel, defer_build=True):
    """What the server adds to the fields."""

    id: Id = Field(description="The record's id.")
    version: Version = Field(
        description="The record's version: its place in the owner's feed, and its ETag without quotes."
    )
    created_at: Instant = Field(description="When the server first stored the record.")
    updated_at: Instant = Field(description="When the server last stored a change of the record.")


class Page(BaseModel, defer_build=True):
    """A page of a list, newest first."""

    items: list[Any] = Field(description="The records of this page.")
    next_cursor: str | None = Field(description="Continues the list: give it as `cursor`. Null on the last page.")


def sent_fields(shape: BaseModel) -> dict[str, Any]:
    """Return the members that were sent, as they were read."""
    sent = shape.model_fields_set
    return {name: value for name, value in shape.__dict__.items() if name in sent}


def draft(shown: Example, *, left_out: Iterable[str] = ()) -> Callable[[type[Shape]], type[Shape]]:
    """Show what a draft looks like, whose `left_out` fields the room's rules complete."""

    def derived(shape: type[Shape]) -> type[Shape]:
        for name in left_out:
            _optional(shape.model_fields[name])
        return _built(_with_example(shape, shown))

    return derived


def patch(shown: Example) -> Callable[[type[Shape]], type[Shape]]:
    """Make every field of the shape optional, without a default, and show what a patch looks like."""

    def derived(shape: type[Shape]) -> type[Shape]:
        for field in shape.model_fields.values():
            _optional(field)
        return _built(_with_example(shape, shown))

    return derived


def public(draft: Example) -> Callable[[type[Shape]], type[Shape]]:
    """Make every field of the shape required, and show the answer to a draft."""

    def derived(shape: type[Shape]) -> type[Shape]:
        shape.model_config["extra"] = "ignore"
        shown = {}
        for name, field in shape.model_fields.items():
            default = field.get_default(call_default_factory=True, validated_data={})
            shown[name] = None if default is PydanticUndefined else default
            field.default, field.default_factory = PydanticUndefined, None
        return _with_example(shape, shown | dict(STORED_EXAMPLE) | dict(draft))

    return derived


def page(item: type[BaseModel], said: str) -> type[Page]:
    """Return the shape of a page of such records, shown with one of them."""
    items: Any = (GenericAlias(list, item), Field(description="The records of this page."))
    extra: Any = item.model_config["json_schema_extra"]
    shape = create_model(f"{item.__name__}Page", __base__=Page, __doc__=said, items=items)
    return _with_example(shape, {"items": extra["examples"], "next_cursor": None})


def _with_example(shape: type[Shape], shown: Example) -> type[Shape]:
    shape.model_config["json_schema_extra"] = example(shown)
    return shape


def _built(shape: type[Shape]) -> type[Shape]:
    """Let Pydantic build what reads such a shape now, and not at the first request."""
    shape.model_config["defer_build"] = False
    shape.model_rebuild()
    return shape


def _optional(field: FieldInfo) -> None:
    annotation: Any = field.annotation
    field.annotation = annotation | MISSING
    field.default, field.default_factory = MISSING, None
