"""What was written is gone from the server's memory with its answer, and waits for no search for garbage."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.records import Resource
from tests.drafts import WORDS, draft_of, etag
from tests.serving import Person

TIMES = 5
KEPT = 2
"""A connection keeps what it heard last, and the first of a kind of request may be remembered."""


@contextmanager
def no_garbage_collected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def ours() -> Counter[str]:
    """Return how many objects of ours, and of uvicorn's protocol, there are of each kind."""
    kinds = (type(each) for each in gc.get_objects())
    return Counter(kind.__name__ for kind in kinds if str(kind.__module__).startswith(("app.", "uvicorn.protocols")))


def test_a_request_leaves_nothing_behind(alice: Person, resource: Resource, path: str) -> None:
    def everything() -> None:
        draft = draft_of(resource, alice)
        record = alice.client.post(path, json=draft).json()
        address, words = f"{path}/{record['id']}", {WORDS[resource.collection]: "wisteria in a new light"}
        changed = alice.client.patch(address, json=words, headers=etag(record))
        op = {"op": "upsert", "collection": resource.collection, "id": record["id"], "set": words, "base": 1}
        told = [
            changed,
            alice.client.get(address),
            alice.client.get(path),
            alice.client.patch(address, json={"wisteria": 1}, headers=etag(record)),
            alice.client.patch(address, json={}, headers=etag(record)),
            alice.client.get("/v1/sync/changes?since=0"),
            alice.client.post("/v1/sync/push", json={"ops": [op, op]}),
            alice.client.delete(address, headers=etag(changed.json())),
            alice.client.get(address),
        ]
        assert [each.status_code for each in told] == [200, 200, 200, 422, 412, 200, 200, 204, 404]

    everything()
    with no_garbage_collected():
        before = ours()
        for _ in range(TIMES):
            everything()
        left = ours() - before
    assert max(left.values(), default=0) <= KEPT, left
