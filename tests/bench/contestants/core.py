"""FastAPI with SQLAlchemy Core, autocommitted reads and orjson: as fast as FastAPI is without other libraries.

It only reads: the goal of the pull is compared with it.
"""

import os
from typing import Annotated, Any
from uuid import UUID

import orjson
import sqlalchemy as sa
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Response
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from sqlalchemy.ext.asyncio import create_async_engine

from app.records.tables import Change
from tests.bench.planting import PEERS_INTENTION

url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:").replace("sqlite:", "sqlite+aiosqlite:")
engine = create_async_engine(url, pool_size=16, isolation_level="AUTOCOMMIT")
app = FastAPI()
scheme = OAuth2PasswordBearer(tokenUrl="/login")
intention, change = PEERS_INTENTION, Change.table()
COLUMNS = [
    intention.c.seq.label("version") if name == "seq" else intention.c[name]
    for name in (
        "id seq created_at updated_at visibility kind statement why session_id element_id derived_from_id domain status "
        "achievement target_on"
    ).split()
]


async def get_owner(token: Annotated[str, Depends(scheme)]) -> UUID:
    """Return the owner of the token."""
    try:
        return UUID(jwt.decode(token, os.environ["SECRET"], algorithms=["HS256"])["sub"])
    except (JWTError, KeyError, ValueError):
        raise HTTPException(401) from None


Owner = Annotated[UUID, Depends(get_owner)]


def encode(value: object) -> str:
    """Encode the driver's UUIDs, which orjson does not know."""
    return str(value)


def answer(value: Any) -> Response:
    """Respond without a second validation."""
    return Response(orjson.dumps(value, encode, orjson.OPT_NON_STR_KEYS), media_type="application/json")


@app.get("/v1/intentions/{id}")
async def read_intention(owner: Owner, id: UUID) -> Response:
    """Read one."""
    async with engine.connect() as connection:
        query = sa.select(*COLUMNS).where(intention.c.owner_id == owner, intention.c.id == id)
        row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise HTTPException(404)
    return answer(dict(row))


@app.get("/v1/intentions")
async def read_intentions(owner: Owner, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
    """Read a page."""
    order = (intention.c.created_at.desc(), intention.c.id.desc())
    query = sa.select(*COLUMNS).where(intention.c.owner_id == owner).order_by(*order).limit(limit + 1)
    async with engine.connect() as connection:
        rows = [dict(row) for row in (await connection.execute(query)).mappings()]
    items = rows[:limit]
    return answer({"items": items, "next_cursor": str(items[-1]["id"]) if len(rows) > limit else None})


@app.get("/v1/sync/changes")
async def read_changes(owner: Owner, since: int = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 500) -> Response:
    """Read what changed."""
    query = (
        sa.select(change.c.collection, change.c.deleted, *COLUMNS)
        .join_from(change, intention, sa.and_(intention.c.owner_id == change.c.owner_id, intention.c.id == change.c.id))
        .where(intention.c.owner_id == owner, intention.c.seq > since)
        .order_by(intention.c.seq)
        .limit(limit)
    )
    async with engine.connect() as connection:
        rows = [dict(row) for row in (await connection.execute(query)).mappings()]
    changes = [
        {
            "collection": row.pop("collection"),
            "id": row["id"],
            "version": row["version"],
            "deleted": row.pop("deleted"),
            "record": row,
        }
        for row in rows
    ]
    return answer(
        {"changes": changes, "cursor": rows[-1]["version"] if rows else since, "has_more": len(rows) == limit}
    )


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning", access_log=False)
