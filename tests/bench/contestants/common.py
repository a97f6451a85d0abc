"""The common FastAPI way, after its official template: sync endpoints in the threadpool, a SQLModel session for each
request, `response_model` on each route, and a JWT read by python-jose.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Response
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from sqlalchemy import create_engine
from sqlmodel import Session, select

from tests.bench.contestants.common_models import (
    Account,
    Change,
    ChangesPublic,
    Feed,
    Intention,
    IntentionCreate,
    IntentionPublic,
    IntentionsPublic,
    IntentionUpdate,
    Push,
    Result,
    Results,
)

url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
engine = create_engine(url, pool_size=16, max_overflow=24, connect_args={"timeout": 30} if "sqlite" in url else {})
app = FastAPI()
scheme = OAuth2PasswordBearer(tokenUrl="/login")


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]


def get_owner(session: SessionDep, token: Annotated[str, Depends(scheme)]) -> UUID:
    try:
        id = UUID(jwt.decode(token, os.environ["SECRET"], algorithms=["HS256"])["sub"])
    except (JWTError, KeyError, ValueError):
        raise HTTPException(401) from None
    account = session.get(Account, id)
    if account is None or account.closed_at is not None:
        raise HTTPException(401)
    return id


Owner = Annotated[UUID, Depends(get_owner)]


def take(session: Session, owner: UUID) -> Feed:
    return session.exec(select(Feed).where(Feed.owner_id == owner).with_for_update()).one()


def note(session: Session, owner: UUID, id: UUID, seq: int, moment: datetime) -> None:
    change = session.get(Change, (owner, "intentions", id))
    if change is None:
        change = Change(owner_id=owner, collection="intentions", id=id, seq=seq, written_at=moment, actor_id=owner)
    change.seq, change.written_at = seq, moment
    session.add(change)


@app.get("/v1/intentions/{id}", response_model=IntentionPublic)
def read_intention(session: SessionDep, owner: Owner, id: UUID) -> Any:
    intention = session.get(Intention, (owner, id))
    if intention is None:
        raise HTTPException(404)
    return intention


@app.get("/v1/intentions", response_model=IntentionsPublic)
def read_intentions(session: SessionDep, owner: Owner, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Any:
    newest = select(Intention).where(Intention.owner_id == owner)
    order = (Intention.created_at.desc(), Intention.id.desc())
    rows = session.exec(newest.order_by(*order).limit(limit + 1)).all()
    items = rows[:limit]
    return {"items": items, "next_cursor": str(items[-1].id) if len(rows) > limit else None}


@app.post("/v1/intentions", response_model=IntentionPublic, status_code=201)
def create_intention(session: SessionDep, owner: Owner, draft: IntentionCreate, response: Response) -> Any:
    feed, now, id = take(session, owner), datetime.now(UTC), draft.id or uuid4()
    feed.head += 1
    values = draft.model_dump(exclude={"id"})
    intention = Intention(**values, owner_id=owner, id=id, seq=feed.head, created_at=now, updated_at=now)
    session.add(intention)
    session.add(Change(owner_id=owner, collection="intentions", id=id, seq=feed.head, written_at=now, actor_id=owner))
    session.commit()
    session.refresh(intention)
    response.headers["location"] = f"/v1/intentions/{id}"
    return intention


@app.patch("/v1/intentions/{id}", response_model=IntentionPublic)
def update_intention(
    session: SessionDep, owner: Owner, id: UUID, patch: IntentionUpdate, if_match: Annotated[str, Header()]
) -> Any:
    feed, now = take(session, owner), datetime.now(UTC)
    intention = session.get(Intention, (owner, id))
    if intention is None:
        raise HTTPException(404)
    if if_match != f'"{intention.version}"':
        raise HTTPException(412)
    feed.head += 1
    intention.sqlmodel_update(patch.model_dump(exclude_unset=True) | {"seq": feed.head, "updated_at": now})
    note(session, owner, id, feed.head, now)
    session.commit()
    session.refresh(intention)
    return intention


@app.get("/v1/sync/changes", response_model=ChangesPublic)
def read_changes(
    session: SessionDep, owner: Owner, since: int = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 500
) -> Any:
    joined = select(Change, Intention).where(Intention.owner_id == owner, Intention.seq > since)
    joined = joined.join(Intention, (Intention.owner_id == Change.owner_id) & (Intention.id == Change.id))
    rows = session.exec(joined.order_by(Intention.seq).limit(limit)).all()
    changes = [
        {
            "collection": change.collection,
            "id": change.id,
            "version": change.seq,
            "deleted": change.deleted,
            "record": row,
        }
        for change, row in rows
    ]
    return {"changes": changes, "cursor": rows[-1][0].seq if rows else since, "has_more": len(rows) == limit}


@app.post("/v1/sync/push", response_model=Results)
def push(session: SessionDep, owner: Owner, sent: Push) -> Any:
    feed, now = take(session, owner), datetime.now(UTC)
    ids = [op.id for op in sent.ops]
    known = {
        row.id: row for row in session.exec(select(Intention).where(Intention.owner_id == owner, Intention.id.in_(ids)))
    }
    noted = {row.id: row for row in session.exec(select(Change).where(Change.owner_id == owner, Change.id.in_(ids)))}
    results = []
    for op in sent.ops:
        feed.head += 1
        values = op.set.model_dump(exclude={"id"}) | {"seq": feed.head, "updated_at": now}
        row = known.get(op.id) or Intention(owner_id=owner, id=op.id, created_at=now, **values)
        row.sqlmodel_update(values)
        change = noted.get(op.id) or Change(owner_id=owner, collection="intentions", id=op.id, actor_id=owner)
        change.seq, change.written_at = feed.head, now
        session.add(row)
        session.add(change)
        results.append((op.collection, row, feed.head))
    session.flush()
    answer = [
        Result(
            collection=name,
            id=row.id,
            outcome="applied",
            status=201,
            version=seq,
            record=IntentionPublic.model_validate(row),
        )
        for name, row, seq in results
    ]
    head = feed.head
    session.commit()
    return {"head": head, "results": answer}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning", access_log=False)
