"""The writes of both Django contestants: lock the feed, take sequence numbers, write rows and changes."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from tests.bench.contestants.django_models import Change, Feed, Intention


class Outdated(Exception):
    """The version is not the current one."""


def take(owner: UUID, count: int = 1) -> int:
    """Lock the feed, and take numbers from it; return the last one."""
    feed = Feed.objects.select_for_update().get(pk=owner)
    feed.head += count
    feed.save(update_fields=["head"])
    return feed.head


@transaction.atomic
def create(owner: UUID, id: UUID, values: dict[str, Any]) -> Intention:
    """Write one."""
    seq, now = take(owner), datetime.now(UTC)
    made = Intention.objects.create(owner_id=owner, id=id, seq=seq, created_at=now, updated_at=now, **values)
    Change.objects.create(owner_id=owner, collection="intentions", id=id, seq=seq, written_at=now, actor_id=owner)
    return made


@transaction.atomic
def change(owner: UUID, id: UUID, values: dict[str, Any], if_match: str | None) -> Intention:
    """Change one. Raise `Intention.DoesNotExist` or `Outdated`."""
    seq, now = take(owner), datetime.now(UTC)
    found = Intention.objects.get(owner_id=owner, id=id)
    if if_match != f'"{found.version}"':
        raise Outdated
    for name, value in (values | {"seq": seq, "updated_at": now}).items():
        setattr(found, name, value)
    found.save(update_fields=[*values, "seq", "updated_at"])
    Change.objects.filter(owner_id=owner, collection="intentions", id=id).update(seq=seq, written_at=now)
    return found


@transaction.atomic
def push(owner: UUID, sets: list[tuple[UUID, dict[str, Any]]]) -> list[Intention]:
    """Create or update several with `bulk_create`."""
    head, now = take(owner, len(sets)), datetime.now(UTC)
    stamp = {"created_at": now, "updated_at": now}
    rows = [
        Intention(owner_id=owner, id=id, seq=seq, **stamp, **values)
        for seq, (id, values) in enumerate(sets, head - len(sets) + 1)
    ]
    fields = [
        "seq",
        "updated_at",
        "visibility",
        "kind",
        "statement",
        "why",
        "domain",
        "status",
        "achievement",
        "target_on",
    ]
    Intention.objects.bulk_create(rows, update_conflicts=True, unique_fields=["owner_id", "id"], update_fields=fields)
    noted = {"collection": "intentions", "written_at": now, "actor_id": owner}
    Change.objects.bulk_create(
        [Change(owner_id=owner, id=row.id, seq=row.seq, **noted) for row in rows],
        update_conflicts=True,
        unique_fields=["owner_id", "collection", "id"],
        update_fields=["seq", "written_at"],
    )
    return rows


def changed(owner: UUID, since: int, limit: int) -> list[tuple[Change, Intention]]:
    """Return changes in order, each with its record, by two queries as of `prefetch_related`."""
    rows = list(Intention.objects.filter(owner_id=owner, seq__gt=since).order_by("seq")[:limit])
    ids = [row.id for row in rows]
    changes = {each.id: each for each in Change.objects.filter(owner_id=owner, collection="intentions", id__in=ids)}
    return [(changes[row.id], row) for row in rows]
