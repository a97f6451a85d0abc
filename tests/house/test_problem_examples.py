"""The examples of problems in the OpenAPI document: each kind is provoked, and compared with its example."""

from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest

from app.ids import new_id
from app.problems import Problem, kinds
from tests.drafts import etag
from tests.serving import Person
from tests.witness import DOCUMENT, Client

Json = dict[str, Any]
EXAMPLES: Json = DOCUMENT.content["components"]["examples"]
VARYING = {"request_id", "errors", "current", "allowed", "reason", "resync", "results", "head"}
"""Members whose values depend on the request."""
ELSEWHERE = {
    "bad-archive",
    "forbidden",
    "unavailable",
    "unreadable-record",
    "storage-full",
    "too-many-attempts",
    "too-many-exports",
    "too-many-searches",
    "too-many-waiting",
    *("too-many-links", "too-many-webhooks"),
    *("already-connected", "consent-ended", "too-many-consents", "too-many-identifiers", "identifier-in-use"),
    *("insufficient-scope", "locked", "too-many-references"),
    *("quota-exceeded", "second-factor-on", "second-factor-required"),
}
"""Kinds that need an archive, a clinic's client, a failing database or disk, many records, many requests, or a second
factor. Tests of imports, clinics, `app.db`, sealing, throttling, exports, searches, long polls, quotas and second factors
provoke them."""
PATH = "/v1/intentions"
PUSH = "/v1/sync/push"
DRAFT = {"kind": "integration", "statement": "wisteria, and patience"}


def _written(client: Client) -> Json:
    record: Json = client.post(PATH, json=DRAFT).json()
    return record


def _already_exists(client: Client) -> httpx.Response:
    return client.post(PATH, json=DRAFT | {"id": _written(client)["id"], "statement": "wisteria, and haste"})


def _removed(client: Client) -> httpx.Response:
    record = _written(client)
    client.delete(f"{PATH}/{record['id']}", headers=etag(record))
    return client.post(PATH, json=DRAFT | {"id": record["id"]})


def _invalid_transition(client: Client) -> httpx.Response:
    session = client.post("/v1/sessions", json={"status": "not-done", "status_reason": "wisteria in flower"}).json()
    return client.patch(f"/v1/sessions/{session['id']}", json={"status": "planned"}, headers=etag(session))


def _outdated(client: Client) -> httpx.Response:
    record = _written(client)
    client.patch(f"{PATH}/{record['id']}", json={"why": "wisteria grows slowly"}, headers=etag(record))
    return client.patch(f"{PATH}/{record['id']}", json={"why": "wisteria waits"}, headers=etag(record))


def _derivation_cycle(client: Client) -> httpx.Response:
    record = _written(client)
    change = {"derived_from_id": record["id"]}
    return client.patch(f"{PATH}/{record['id']}", json=change, headers=etag(record))


def _malformed_header(client: Client) -> httpx.Response:
    return client.delete(f"{PATH}/{_written(client)['id']}", headers={"If-Match": "newest"})


def _precondition_required(client: Client) -> httpx.Response:
    return client.delete(f"{PATH}/{_written(client)['id']}")


JSON = {"Content-Type": "application/json"}
WRONG = {"email": "nobody@example.com", "password": "wisteria-and-rain"}
PROVOKED: dict[str, Callable[[Client], httpx.Response]] = {
    "already-exists": _already_exists,
    "batch-refused": lambda client: client.post(PUSH, json={"atomic": True, "ops": [{"op": "upsert"}]}),
    "body-too-large": lambda client: client.post(PATH, content=b" " * (2**20 + 1), headers=JSON),
    "cursor-expired": lambda client: client.get("/v1/sync/changes", params={"since": 1}),
    "derivation-cycle": _derivation_cycle,
    "invalid-cursor": lambda client: client.get(PATH, params={"cursor": "elsewhere"}),
    "invalid-transition": _invalid_transition,
    "malformed-body": lambda client: client.post(PATH, content=b"{", headers=JSON),
    "malformed-header": _malformed_header,
    "malformed-query": lambda client: client.get(f"{PATH}?cursor=%FF"),
    "not-found": lambda client: client.get(f"{PATH}/{new_id()}"),
    "not-signed-in": lambda client: client.get(PATH, headers={"Authorization": "Bearer of good news"}),
    "outdated": _outdated,
    "precondition-required": _precondition_required,
    "removed": _removed,
    "too-many-ops": lambda client: client.post(PUSH, json={"ops": [{}] * 501}),
    "unknown-reference": lambda client: client.post(PATH, json=DRAFT | {"session_id": str(new_id())}),
    "unsupported-media-type": lambda client: client.post(PATH, content=b"{}", headers={"Content-Type": "text/plain"}),
    "unknown-code": lambda client: client.post("/v1/consents", json={"code": "w", "shares": [], "receives": True}),
    "url-too-long": lambda client: client.get(PATH, params={"cursor": "c" * 8192}),
    "validation": lambda client: client.post(PATH, json={"statement": "wisteria, and no kind"}),
    "wrong-credentials": lambda client: client.post("/v1/auth/login", json=WRONG),
}


@pytest.mark.parametrize("code", PROVOKED)
def test_a_problem_is_as_its_example_shows(alice: Person, code: str) -> None:
    problem = PROVOKED[code](alice.client).json()
    shown = EXAMPLES[code]["value"]
    assert list(problem) == list(shown)
    for member in set(shown) - VARYING:
        assert problem[member] == shown[member]
    if code in {"validation", "derivation-cycle", "unknown-reference", "unknown-code"}:
        assert problem["errors"] == shown["errors"]


def test_every_problem_in_the_document_is_provoked() -> None:
    assert set(EXAMPLES) == set(PROVOKED) | ELSEWHERE


@pytest.mark.parametrize("kind", [*kinds()], ids=lambda kind: kind.code)
def test_every_kind_of_problem_is_explained_at_the_url_that_is_its_type(anyone: Client, kind: type[Problem]) -> None:
    explained = anyone.get(kind.example().document("")["type"]).json()
    assert explained["title"] == kind.title()
    assert explained["explanation"] == kind.explanation()
