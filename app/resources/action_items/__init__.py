"""Action items: changes to make, internal (how I think, feel or see) or external (what I do)."""

from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from app import clock, records
from app.clock import Day, Instant
from app.http import Response
from app.ids import Id
from app.problems import Fault, InvalidTransition
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.domains import ActionItemChange
from app.records.text import Text200, Text500, Text20000
from app.resources.action_items.terms import ActionItemStatus, Facet


class ActionItemFields(records.Fields):
    """The fields of an action item that a client sets."""

    title: Text200 = Field(min_length=1, description="The change, in a few words.")
    change: ActionItemChange = Field(description="Whether the change is internal or external.")
    facet: Facet = Field(
        description="What the change is about. Internal: thought, emotion, perspective, attention or self-talk. "
        "External: behaviour, relationship, environment, health, creative, service, work or other."
    )
    details: Text20000 | None = Field(None, description="Details.")
    if_cue: Text500 | None = Field(
        None, description="The cue of an if-then plan: if this happens … Requires then_response."
    )
    then_response: Text500 | None = Field(
        None, description="The response of an if-then plan: … then I do this. Requires if_cue."
    )
    status: ActionItemStatus = Field(ActionItemStatus.ACCEPTED, description="The status.")
    starts_on: Day | None = Field(None, description="The day on which the action item starts.")
    due_on: Day | None = Field(None, description="The day on which the action item is due: not before starts_on.")
    completed_at: Instant | None = Field(
        None, description="When the action item was completed. The default is now. Null unless it is completed."
    )
    session_id: Id | None = Field(None, description="The session that the action item comes from.")
    element_id: Id | None = Field(None, description="The element that the action item comes from.")
    intention_id: Id | None = Field(None, description="The intention that the action item serves.")
    reflection_id: Id | None = Field(None, description="The reflection that the action item comes from.")


class ActionItemRecord(ActionItemFields, records.Record, table=True):
    """An action item, as stored."""

    __tablename__ = "action_item"
    __table_args__ = records.references(
        session_id="session",
        element_id="element",
        intention_id="intention",
        reflection_id="reflection",
    )


EXAMPLE: Final = {
    "id": "019aa2c4-7b00-7000-8000-000000000005",
    "title": "Call my mother on Sunday and let the silences be",
    "change": "external",
    "facet": "relationship",
    "if_cue": "If she goes quiet",
    "then_response": "I breathe out and count three birds before I say anything",
    "status": "accepted",
    "due_on": "2026-11-29",
    "session_id": "019aa2c4-7b00-7000-8000-000000000001",
    "element_id": "019aa2c4-7b00-7000-8000-000000000002",
    "intention_id": "019aa2c4-7b00-7000-8000-000000000003",
    "reflection_id": "019aa2c4-7b00-7000-8000-000000000004",
}
PATCH_EXAMPLE: Final = {"status": "completed", "completed_at": "2026-11-22T19:05:00.000000Z"}


@shapes.public(EXAMPLE)
class ActionItem(ActionItemFields, records.RecordPublic):
    """An action item, as its owner sees it."""


@shapes.draft(EXAMPLE)
class ActionItemDraft(ActionItemFields, records.RecordDraft):
    """A new action item."""


@shapes.patch(PATCH_EXAMPLE)
class ActionItemPatch(ActionItemFields):
    """A change of an action item (RFC 7396): an absent field is unchanged, null clears a field."""


ActionItemPage: Final = shapes.page(ActionItem, "A page of action items, newest first.")


class ActionItemFilters(records.Filters):
    """The filters of a list of action items."""

    session_id: Id | None = Field(None, description="Only action items from this session.")
    element_id: Id | None = Field(None, description="Only action items from this element.")
    intention_id: Id | None = Field(None, description="Only records that serve this intention.")
    status: list[ActionItemStatus] | None = Field(None, description="Only action items with one of these statuses.")
    change: list[ActionItemChange] | None = Field(
        None, description="Only records with internal or external changes, or both."
    )
    due_from: Annotated[Day | None, Where("due_on", ">=")] = Field(
        None, description="Only action items that are due on this day or later."
    )
    due_to: Annotated[Day | None, Where("due_on", "<=")] = Field(
        None, description="Only action items that are due on this day or earlier."
    )


TRANSITIONS: Final = records.transitions(
    {
        "draft": "accepted cancelled",
        "requested": "accepted rejected",
        "accepted": "in-progress on-hold completed failed cancelled",
        "in-progress": "on-hold completed failed cancelled",
        "on-hold": "in-progress completed failed cancelled",
        "completed": "in-progress",
    },
    error="entered-in-error",
)
_INTERNAL: Final = {Facet.THOUGHT, Facet.EMOTION, Facet.PERSPECTIVE, Facet.ATTENTION, Facet.SELF_TALK}


def settle(item: ActionItemFields, before: ActionItemFields | None, _view: View) -> Iterator[Fault]:
    """Check the rules of an action item.

    If the item is completed and no `completed_at` was sent, set the field to now. If the item is reopened, clear it.
    """
    if (item.facet in _INTERNAL) != (item.change == ActionItemChange.INTERNAL):
        yield Fault("/facet", "facet-mismatch", f"This facet does not belong to an {item.change} change.")
    if (item.if_cue is None) != (item.then_response is None):
        yield Fault("/then_response", "both-or-neither", "Send both if_cue and then_response, or neither.")
    if item.starts_on is not None and item.due_on is not None and item.due_on < item.starts_on:
        yield Fault("/due_on", "due-before-start", "Send a due_on that is not before starts_on.")
    if item.status == ActionItemStatus.COMPLETED:
        if item.completed_at is None and before is not None and before.status == item.status:
            yield Fault(
                "/completed_at",
                "completion-required",
                "A completed action item needs completed_at. To clear completed_at, change the status to in-progress.",
            )
        item.completed_at = item.completed_at or clock.now()
    elif before is not None and before.completed_at == item.completed_at:
        item.completed_at = None
    elif item.completed_at is not None:
        yield Fault("/completed_at", "completed-only", "Only a completed action item has completed_at.")


ACTION_ITEMS: Final = records.Resource(
    collection="action-items",
    description="Changes to make, internal or external.",
    text="details",
    record=ActionItemRecord,
    fields=ActionItemFields,
    draft=ActionItemDraft,
    patch=ActionItemPatch,
    public=ActionItem,
    filters=ActionItemFilters,
    settle=settle,
    example=EXAMPLE,
    scope="Task",
    transitions=TRANSITIONS,
    coupled=(
        frozenset({"change", "facet"}),
        frozenset({"if_cue", "then_response"}),
        frozenset({"starts_on", "due_on"}),
        frozenset({"status", "completed_at"}),
    ),
    filled_in=frozenset({"completed_at"}),
    happened=("completed_at",),
    journal=records.Journal(
        facts=(
            "{change} change",
            "{facet}",
            "{status}",
            "from {starts_on}",
            "due {due_on}",
            "completed {completed_at}",
        ),
        labels={"details": "", "if_cue": "If", "then_response": "Then"},
    ),
)

router = ACTION_ITEMS.router


@router.post(
    "",
    status_code=201,
    response_model=ActionItem,
    responses=records.create_responses(ActionItem),
    summary="Create an action item",
)
async def create_action_item(view: OwnRecords, draft: ActionItemDraft) -> Response:
    """Create an action item: an internal or external change to make, preferably with an if-then plan."""
    return await records.create(view, ACTION_ITEMS, draft)


@router.get("", response_model=ActionItemPage, responses=records.list_responses(), summary="List action items")
async def list_action_items(view: OwnRecords, filters: Annotated[ActionItemFilters, Query()]) -> Response:
    """Return your action items, newest first."""
    return await records.page(view, ACTION_ITEMS, filters)


@router.get("/{id:id}", response_model=ActionItem, responses=records.read_responses(), summary="Get an action item")
async def get_action_item(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one action item."""
    return await records.read(view, ACTION_ITEMS, id, if_none_match)


@router.patch(
    "/{id:id}",
    response_model=ActionItem,
    responses=records.change_responses(InvalidTransition),
    summary="Update an action item",
)
async def change_action_item(view: OwnRecords, id: Id, patch: ActionItemPatch, if_match: IfMatch = None) -> Response:
    """Update an action item.

    If the new status cannot follow the current one, the response is 409 with the allowed statuses.
    """
    return await records.change(view, ACTION_ITEMS, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete an action item")
async def remove_action_item(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete an action item. Records that refer to it are kept; their references become null.

    Deleting a record again returns 404.
    """
    return await records.remove(view, ACTION_ITEMS, id, if_match)
