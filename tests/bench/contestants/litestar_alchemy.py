"""Litestar with advanced-alchemy, after their documentation: async repository services, msgspec, and JWTAuth."""

import os
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
import uvicorn
from advanced_alchemy.extensions.litestar import (
    AsyncSessionConfig,
    EngineConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
)
from advanced_alchemy.extensions.litestar.providers import create_service_provider
from advanced_alchemy.filters import LimitOffset
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from advanced_alchemy.service import SQLAlchemyAsyncRepositoryService
from litestar import Litestar, Request, get, patch, post
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import Parameter
from litestar.security.jwt import JWTAuth, Token
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tests.bench.contestants.litestar_shapes import (
    Change,
    ChangePublic,
    Changes,
    Draft,
    Feed,
    Intention,
    Owner,
    Page,
    Patch,
    Public,
    Push,
    Result,
    Results,
)

Ask = Request[Owner, Token, Any]


class IntentionService(SQLAlchemyAsyncRepositoryService[Intention]):
    """Intentions."""

    class Repo(SQLAlchemyAsyncRepository[Intention]):
        """Their repository."""

        model_type = Intention

    repository_type = Repo


async def retrieve_user(token: Token, _connection: ASGIConnection[Any, Any, Any, Any]) -> Owner:
    """Return the owner of the token."""
    return Owner(UUID(token.sub))


def public(intention: Intention) -> Public:
    """Return the public fields."""
    return msgspec.convert(intention, Public, from_attributes=True)


async def take(session: AsyncSession, owner: UUID, count: int = 1) -> int:
    """Lock the feed, and take numbers from it; return the last one."""
    feed = (await session.scalars(select(Feed).where(Feed.owner_id == owner).with_for_update())).one()
    feed.head += count
    return feed.head


@get("/v1/intentions/{id:uuid}")
async def read_intention(intentions: IntentionService, request: Ask, id: UUID) -> Public:
    """Read one."""
    found = await intentions.get_one_or_none(owner_id=request.user.id, id=id)
    if found is None:
        raise NotFoundException
    return intentions.to_schema(found, schema_type=Public)


@get("/v1/intentions")
async def read_intentions(
    intentions: IntentionService, request: Ask, limit: Annotated[int, Parameter(ge=1, le=200)] = 50
) -> Page:
    """Read a page."""
    order = [("created_at", True), ("id", True)]
    rows = await intentions.list(LimitOffset(limit + 1, 0), owner_id=request.user.id, order_by=order)
    items = [public(row) for row in rows[:limit]]
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


@post("/v1/intentions")
async def create_intention(intentions: IntentionService, db_session: AsyncSession, request: Ask, data: Draft) -> Public:
    """Write one."""
    owner, id, now = request.user.id, data.id or uuid4(), datetime.now(UTC)
    seq = await take(db_session, owner)
    values = msgspec.structs.asdict(data) | {"id": id, "owner_id": owner, "seq": seq}
    made = await intentions.create(values | {"created_at": now, "updated_at": now})
    db_session.add(Change(owner_id=owner, collection="intentions", id=id, seq=seq, written_at=now, actor_id=owner))
    await db_session.commit()
    return intentions.to_schema(made, schema_type=Public)


@patch("/v1/intentions/{id:uuid}")
async def update_intention(
    db_session: AsyncSession,
    request: Ask,
    id: UUID,
    data: Patch,
    if_match: Annotated[str, Parameter(header="If-Match")],
) -> Public:
    """Change one."""
    owner, now = request.user.id, datetime.now(UTC)
    seq = await take(db_session, owner)
    found = await db_session.get(Intention, (owner, id))
    if found is None:
        raise NotFoundException
    if if_match != f'"{found.version}"':
        raise HTTPException(status_code=412)
    for name, value in (msgspec.to_builtins(data, builtin_types=(datetime,)) | {"seq": seq, "updated_at": now}).items():
        setattr(found, name, value)
    change = await db_session.get_one(Change, (owner, "intentions", id))
    change.seq, change.written_at = seq, now
    await db_session.commit()
    return public(found)


@get("/v1/sync/changes")
async def read_changes(
    db_session: AsyncSession, request: Ask, since: int = 0, limit: Annotated[int, Parameter(ge=1, le=1000)] = 500
) -> Changes:
    """Read what changed."""
    on = (Intention.owner_id == Change.owner_id) & (Intention.id == Change.id)
    query = (
        select(Change, Intention)
        .join(Intention, on)
        .where(Intention.owner_id == request.user.id, Intention.seq > since)
    )
    rows = (await db_session.execute(query.order_by(Intention.seq).limit(limit))).all()
    changes = [
        ChangePublic(change.collection, change.id, change.seq, change.deleted, public(row)) for change, row in rows
    ]
    return Changes(changes, changes[-1].version if changes else since, len(rows) == limit)


@post("/v1/sync/push", status_code=200)
async def push(db_session: AsyncSession, request: Ask, data: Push) -> Results:
    """Write several."""
    owner, now = request.user.id, datetime.now(UTC)
    head = await take(db_session, owner, len(data.ops))
    ids = [op.id for op in data.ops]
    theirs = select(Intention).where(Intention.owner_id == owner, Intention.id.in_(ids))
    known = {row.id: row for row in await db_session.scalars(theirs)}
    noted = {
        row.id: row
        for row in await db_session.scalars(select(Change).where(Change.owner_id == owner, Change.id.in_(ids)))
    }
    rows = []
    for seq, op in enumerate(data.ops, head - len(ids) + 1):
        values = msgspec.structs.asdict(op.set) | {"id": op.id, "seq": seq, "updated_at": now}
        row = known.get(op.id) or Intention(owner_id=owner, created_at=now)
        for name, value in values.items():
            setattr(row, name, value)
        change = noted.get(op.id) or Change(owner_id=owner, collection=op.collection, id=op.id, actor_id=owner)
        change.seq, change.written_at = seq, now
        db_session.add_all([row, change])
        rows.append(row)
    await db_session.commit()
    return Results(head, [Result("intentions", row.id, "applied", 201, row.seq, public(row)) for row in rows])


url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:").replace("sqlite:", "sqlite+aiosqlite:")
config = SQLAlchemyAsyncConfig(
    connection_string=url,
    session_config=AsyncSessionConfig(expire_on_commit=False),
    engine_config=EngineConfig(pool_size=16),
)
auth = JWTAuth[Owner](retrieve_user_handler=retrieve_user, token_secret=os.environ["SECRET"])
app = Litestar(
    [read_intention, read_intentions, create_intention, update_intention, read_changes, push],
    plugins=[SQLAlchemyPlugin(config=config)],
    on_app_init=[auth.on_app_init],
    dependencies={"intentions": Provide(create_service_provider(IntentionService, config=config))},
    openapi_config=None,
    logging_config=None,
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning", access_log=False)
