"""Memory: the objects of a request are freed with its response, without the cyclic garbage collector."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.records import Resource
from tests.drafts import draft_of, etag, reworded
from tests.serving import Person

REPETITIONS = 5
MAX_LEFT = 2
"""A connection keeps its latest request, and something may be cached at the first request of a kind."""


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def count_objects() -> Counter[str]:
    """Return the number of objects of each class of the application and of uvicorn's protocol."""
    kinds = (type(each) for each in gc.get_objects())
    return Counter(kind.__name__ for kind in kinds if str(kind.__module__).startswith(("app.", "uvicorn.protocols")))


def test_a_request_leaves_no_objects(alice: Person, resource: Resource, path: str) -> None:
    def send_requests() -> None:
        draft = draft_of(resource, alice)
        record = alice.client.post(path, json=draft).json()
        url, changes = f"{path}/{record['id']}", reworded(resource, "wisteria in a new light")
        changed = alice.client.patch(url, json=changes, headers=etag(record))
        op = {"op": "upsert", "collection": resource.collection, "id": record["id"], "set": changes, "base": 1}
        responses = [
            changed,
            alice.client.get(url),
            alice.client.get(path),
            alice.client.patch(url, json={"wisteria": 1}, headers=etag(record)),
            alice.client.patch(url, json={}, headers=etag(record)),
            alice.client.get("/v1/sync/changes?since=0"),
            alice.client.post("/v1/sync/push", json={"ops": [op, op]}),
            alice.client.delete(url, headers=etag(changed.json())),
            alice.client.get(url),
        ]
        assert [each.status_code for each in responses] == [200, 200, 200, 422, 412, 200, 200, 204, 404]

    send_requests()
    with without_garbage_collection():
        before = count_objects()
        for _ in range(REPETITIONS):
            send_requests()
        left = count_objects() - before
    assert max(left.values(), default=0) <= MAX_LEFT, left
