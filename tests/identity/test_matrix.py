"""The access matrix, checked on the server: each row, for each caller and each object.

A refusal is the same, byte by byte except for the request id, for every object.
"""

from typing import Any, NamedTuple

import pytest

from app.archive.format import MEDIA_TYPE
from app.clinics.scopes import SUPPORTED
from app.identity.device_sessions import sign_in
from app.identity.tables import Role
from app.ids import new_id
from app.leaving import erasing
from app.records import Resource
from app.resources import RESOURCES
from tests.calendar.subscriptions import LINKS, new_link
from tests.clinics.clients import add_client, end_client
from tests.consents.clinic import new_clinic, propose
from tests.drafts import Json, create_record, draft_of
from tests.identity.matrix import ABOUT, BODIES, FORMS, NOT_SIGNED_IN, OBJECTS, ONES, QUERIES, ROWS, SIGNED_IN
from tests.identity.tokens import Forge
from tests.serving import PASSWORD, Person, Server
from tests.witness import DOCUMENT

OPERATIONS = {
    operation["operationId"]: (method, path)
    for path, methods in DOCUMENT.content["paths"].items()
    for method, operation in methods.items()
}
FILTERS = {
    resource.collection: {each["name"] for each in DOCUMENT.paths[resource.path]["get"]["parameters"]}
    for resource in RESOURCES
}
SIGNED_IN_ONLY = [
    operation["operationId"]
    for methods in DOCUMENT.content["paths"].values()
    for operation in methods.values()
    if {"AccessToken": []} in operation["security"]
]
ROLES = {"Alice": Role.PERSON, "Bob": Role.PERSON, "clinician": Role.CLINICIAN, "admin": Role.ADMIN}


class Response(NamedTuple):
    """The comparable parts of a response; all requests have the same id."""

    status: int
    content: bytes
    headers: str


def ask(
    server: Server,
    token: str | None,
    method: str,
    path: str,
    body: object = None,
    *,
    form: Json | None = None,
    query: Json | None = None,
) -> Response:
    headers = {"X-Request-Id": "the-same"} | ({"If-Match": "*"} if method in {"patch", "delete"} else {})
    sent: dict[str, Any] = {"json": body, "data": form}
    if isinstance(body, bytes):
        sent, headers = {"content": body}, headers | {"Content-Type": MEDIA_TYPE}
    response = server.client(token).request(method, path, headers=headers, params=query, **sent)
    return Response(response.status_code, response.content, str({**response.headers, "date": ""}))


class Scenario:
    """The callers and the objects."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.people = {who: server.person(who, role=ROLES[who]) for who in SIGNED_IN}

    def person(self, who: str) -> Person:
        """Return the caller; if not signed in, the former owner of the tokens."""
        return self.people.get(who, self.people["Alice"])

    def token(self, who: str) -> str | None:
        """Return the access token of a caller."""
        forge = Forge(self.server, self.person(who))
        if who == "expired":
            return forge.signed(iat=forge.now - 1200, exp=forge.now - 600)
        if who == "ended device":
            return forge.of_ended_device()
        if who == "closed account":
            closed = self.server.person("closed")
            assert closed.client.post("/v1/me/close", json={"password": PASSWORD}).status_code == 202
            return closed.token
        if who == "erased account":
            erased = self.server.person("erased")
            self.server.run(erasing.erase(self.server.services, erased.id, again=True))
            return erased.token
        if who == "wrong audience":
            return forge.signed(aud="somebody-else")
        return None if who == "anonymous" else self.people[who].token

    def object(self, kind: str, who: str, resource: Resource | None, name: str = "") -> str:
        """Return the id of what an operation is about, in a state: of a consent, which nothing removes, a record or a device."""
        if kind == "missing":
            return str(new_id())
        owner = self.people["Bob"] if kind == "Bob's" else self.person(who)
        if name.endswith("_consent"):
            return str(new_id() if kind == "removed" else propose(owner, new_clinic(self.server))["id"])
        path = resource.path if resource else "/v1/auth/devices"
        if name.endswith("_calendar_link"):
            path, id = LINKS, new_link(owner)["id"]
        elif resource is None:
            self.server.run(sign_in(self.server.services, owner.id, "tablet"))
            id = owner.client.get("/v1/auth/devices").json()["items"][0]["id"]
        else:
            id = create_record(owner.client, resource, owner)["id"]
        if kind == "removed":
            assert owner.client.delete(f"{path}/{id}", headers={"If-Match": "*"}).status_code == 204
        return str(id)


def resource_in(name: str) -> Resource | None:
    return next(
        (each for one, each in zip(ONES, RESOURCES, strict=True) if name.removesuffix("_history").endswith(f"_{one}")),
        ABOUT.get(name),
    )


def test_every_operation_has_a_row() -> None:
    assert sorted(ROWS) == sorted(OPERATIONS)


@pytest.mark.parametrize("name", ROWS)
def test_every_caller_gets_the_status_of_the_matrix(server: Server, name: str) -> None:
    row, scenario, resource = ROWS[name], Scenario(server), resource_in(name)
    method, path = OPERATIONS[name]

    def asked(who: str, token: str | None, kind: str) -> Response:
        person, id = scenario.person(who), "" if row.other is None else scenario.object(kind, who, resource, name)
        body = draft_of(resource, person) if name.startswith("create_") and resource else BODIES.get(name)
        query = {name: value.format(id=id) for name, value in QUERIES.get(name, {}).items()} or None
        url = path.format(id=id, code="not-found", type="Procedure", instrument="phq-9", file=f"{'w' * 43}.ics")
        return ask(server, token, method, url, body, form=FORMS.get(name), query=query)

    kinds = ("own",) if row.other is None else OBJECTS
    refusal = ask(server, None, "get", "/fhir/Patient" if path.startswith("/fhir") else "/v1/me")
    wrong: list[tuple[str, str, Response]] = []
    for who in NOT_SIGNED_IN:
        token = scenario.token(who)
        for kind in kinds:
            answer = asked(who, token, kind)
            if answer.status != row.anonymous or (answer != refusal and row.anonymous != row.own):
                wrong.append((who, kind, answer))
    for who in SIGNED_IN:
        token = scenario.token(who)
        others = [kind for kind in kinds if kind != "own" and (who, kind) != ("Bob", "Bob's")]
        answers = {kind: asked(who, token, kind) for kind in others}
        if len(set(answers.values())) > 1 or any(answer.status != row.other for answer in answers.values()):
            wrong += [(who, kind, answer) for kind, answer in answers.items()]
        if (answer := asked(who, token, "own")).status != row.own:
            wrong.append((who, "own", answer))
    assert wrong == []


@pytest.mark.parametrize("name", SIGNED_IN_ONLY)
def test_a_client_of_a_clinic_is_refused_whatever_its_scope_and_the_object(server: Server, name: str) -> None:
    row, scenario, resource = ROWS[name], Scenario(server), resource_in(name)
    method, path = OPERATIONS[name]
    client, ended = add_client(server), add_client(server)
    end_client(server, ended)
    ids = [scenario.object(kind, "Alice", resource, name) for kind in OBJECTS if row.other is not None] or [""]
    issue = server.services.tokens.issue_to_client
    answers: dict[str, set[Response]] = {"active": set(), "ended": set()}
    for scope in [f"system/{kind}.{letters}" for kind, letters in SUPPORTED.items()]:
        for id in ids:
            for state, each in (("active", client), ("ended", ended)):
                token = issue(each["id"], scope)
                answers[state].add(ask(server, token, method, path.format(id=id), BODIES.get(name)))
    assert [answer.status for answer in answers["active"]] == [403]
    assert answers["ended"] == {ask(server, None, "get", "/v1/me")}


@pytest.mark.parametrize(
    ("resource", "field", "method"),
    [
        pytest.param(resource, field, method, id=f"{resource.collection}-{field}-{method}")
        for resource in RESOURCES
        for field in resource.targets
        for method in ("post", "patch", "get")
        if method != "get" or field in FILTERS[resource.collection]
    ],
)
def test_a_reference_or_a_filter_finds_only_the_callers_own_records(
    server: Server, *, resource: Resource, field: str, method: str
) -> None:
    scenario = Scenario(server)
    alice = scenario.people["Alice"]
    record = create_record(alice.client, resource, alice)["id"]
    path = f"{resource.path}/{record}" if method == "patch" else resource.path
    answers: dict[str, Response] = {}
    for kind in OBJECTS:
        naming = {field: scenario.object(kind, "Alice", resource.targets[field])}
        body = draft_of(resource, alice) | naming if method == "post" else naming
        query = naming if method == "get" else {}
        answers[kind] = ask(server, alice.token, method, path, None if query else body, query=query)
    own, other = {"post": (201, 422), "patch": (200, 422), "get": (200, 200)}[method]
    assert answers.pop("own").status == own
    assert answers == dict.fromkeys(answers, answers["missing"])
    assert answers["missing"].status == other


OPS: dict[str, Json] = {
    "a removal": {"op": "delete"},
    "a removal of what was seen": {"op": "delete", "base": None},
    "a change of what was seen": {"op": "upsert", "base": None, "set": {"visibility": "shared"}},
}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.collection)
@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_a_push_finds_no_record_of_another_person(server: Server, resource: Resource, op: Json) -> None:
    scenario = Scenario(server)
    alice = scenario.people["Alice"]
    answers = set()
    for kind in ("Bob's", "missing"):
        target = {"collection": resource.collection, "id": scenario.object(kind, "Alice", resource)}
        base = {"base": int(alice.client.get("/v1/sync").json()["cursor"])} if "base" in op else {}
        answer = ask(server, alice.token, "post", "/v1/sync/push", {"ops": [op | base | target]})
        answers.add(answer._replace(content=answer.content.replace(target["id"].encode(), b"the-same")))
    assert [answer.status for answer in answers] == [200]
