"""django-ninja, after its documentation: schemas, an HttpBearer, sync views, under gunicorn's threads."""

import os
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import jwt
from django.http import HttpRequest
from django.urls import path
from ninja import Field, NinjaAPI, Query, Schema
from ninja.errors import HttpError
from ninja.security import HttpBearer

from tests.bench.contestants import django_writing as writing
from tests.bench.contestants.django_models import Intention

SECRET = os.environ["SECRET"]


class Bearer(HttpBearer):
    """Verifies the token."""

    def authenticate(self, _request: HttpRequest, token: str) -> UUID | None:
        """Return the owner."""
        try:
            return UUID(jwt.decode(token, SECRET, algorithms=["HS256"])["sub"])
        except (jwt.InvalidTokenError, KeyError, ValueError):
            return None


class Draft(Schema):
    id: UUID | None = None
    visibility: Literal["private", "shared"] = "private"
    kind: Literal["session", "integration"]
    statement: str = Field(min_length=1, max_length=2000)
    why: str | None = Field(None, max_length=2000)
    domain: Literal["mind", "body", "spirit", "lifestyle", "relationships", "nature"] | None = None
    status: Literal["proposed", "active", "on-hold", "completed", "cancelled"] = "active"
    achievement: str | None = None
    target_on: date | None = None


class Patch(Schema):
    visibility: Literal["private", "shared"] | None = None
    kind: Literal["session", "integration"] | None = None
    statement: str | None = Field(None, min_length=1, max_length=2000)
    why: str | None = Field(None, max_length=2000)
    domain: Literal["mind", "body", "spirit", "lifestyle", "relationships", "nature"] | None = None
    status: Literal["proposed", "active", "on-hold", "completed", "cancelled"] | None = None
    achievement: str | None = None
    target_on: date | None = None


class Public(Schema):
    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    visibility: str
    kind: str
    statement: str
    why: str | None
    session_id: UUID | None
    element_id: UUID | None
    derived_from_id: UUID | None
    domain: str | None
    status: str
    achievement: str | None
    target_on: date | None


class Page(Schema):
    items: list[Public]
    next_cursor: str | None


class ChangePublic(Schema):
    collection: str
    id: UUID
    version: int
    deleted: bool
    record: Public


class Changes(Schema):
    changes: list[ChangePublic]
    cursor: int
    has_more: bool


class Op(Schema):
    op: Literal["upsert"]
    collection: Literal["intentions"]
    id: UUID
    set: Draft


class Push(Schema):
    ops: list[Op] = Field(max_length=500)


class Result(Schema):
    collection: str
    id: UUID
    outcome: str
    status: int
    version: int
    record: Public


class Results(Schema):
    head: int
    results: list[Result]


api = NinjaAPI(auth=Bearer(), openapi_url=None, docs_url=None)


@api.get("/intentions/{uuid:id}", response=Public)
def read_intention(request: Any, id: UUID) -> Any:
    """Read one."""
    found = Intention.objects.filter(owner_id=request.auth, id=id).first()
    if found is None:
        raise HttpError(404, "not found")
    return found


@api.get("/intentions", response=Page)
def read_intentions(request: Any, limit: int = Query(50, ge=1, le=200)) -> Any:
    """Read a page."""
    rows = list(Intention.objects.filter(owner_id=request.auth).order_by("-created_at", "-id")[: limit + 1])
    items = rows[:limit]
    return {"items": items, "next_cursor": str(items[-1].id) if len(rows) > limit else None}


@api.post("/intentions", response={201: Public})
def create_intention(request: Any, draft: Draft) -> Any:
    """Write one."""
    return 201, writing.create(request.auth, draft.id or uuid4(), draft.dict(exclude={"id"}))


@api.patch("/intentions/{uuid:id}", response=Public)
def update_intention(request: Any, id: UUID, patch: Patch) -> Any:
    """Change one."""
    try:
        return writing.change(request.auth, id, patch.dict(exclude_unset=True), request.headers.get("If-Match"))
    except Intention.DoesNotExist:
        raise HttpError(404, "not found") from None
    except writing.Outdated:
        raise HttpError(412, "outdated") from None


@api.get("/sync/changes", response=Changes)
def read_changes(request: Any, since: int = 0, limit: int = Query(500, ge=1, le=1000)) -> Any:
    """Read what changed."""
    changes = [
        {"collection": change.collection, "id": row.id, "version": row.seq, "deleted": change.deleted, "record": row}
        for change, row in writing.changed(request.auth, since, limit)
    ]
    cursor = changes[-1]["version"] if changes else since
    return {"changes": changes, "cursor": cursor, "has_more": len(changes) == limit}


@api.post("/sync/push", response=Results)
def push(request: Any, sent: Push) -> Any:
    """Write several."""
    rows = writing.push(request.auth, [(op.id, op.set.dict(exclude={"id"})) for op in sent.ops])
    results = [
        {
            "collection": "intentions",
            "id": row.id,
            "outcome": "applied",
            "status": 201,
            "version": row.seq,
            "record": row,
        }
        for row in rows
    ]
    return {"head": rows[-1].seq, "results": results}


urlpatterns = [path("v1/", api.urls)]
