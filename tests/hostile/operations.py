"""All operations of the OpenAPI document, and valid requests made from it."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa

from app.archive.format import MEDIA_TYPE
from app.calendar.routes import TAG as CALENDAR
from app.db import Statement
from app.ids import new_id
from app.jobs import JobRecord
from app.records import Resource
from app.resources import RESOURCES
from tests.archive.packing import archive_of
from tests.calendar.subscriptions import new_link
from tests.consents.clinic import Clinic, give, new_clinic, propose
from tests.drafts import create_record, draft_of
from tests.hostile.raw import Header
from tests.identity.matrix import ABOUT
from tests.serving import Person, Server
from tests.waiting import wait_until
from tests.webhooks.receiver import PATH as WEBHOOKS
from tests.witness import DOCUMENT

Json = dict[str, Any]
Path = tuple[str | int, ...]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BODY_BYTES = 2**20
_SAMPLES = {
    "email": "somebody@example.com",
    "uuid": "019aa2c4-7b00-7000-8000-00000000beef",
    "date": "2026-11-22",
    "date-time": "2026-11-22T10:00:00Z",
}
COUNTED = {"export_account": {"throttle"}, "get_calendar": {"throttle", "calendar_link"}}
"""Operations that only read, but are counted, because their number in a time is limited; and the tables that this changes."""
CLINICAL = {"Clinic", "Consents"}
"""The groups of operations that are about clinics."""
_JOBS = Statement(sa.select(JobRecord.table().c.id))
_HERE = "\ufffcHERE"


@cache
def _clinic(email: str, server: Server) -> Clinic:
    del email
    return new_clinic(server)


def clinic_of(person: Person) -> Clinic:
    """Return the clinic of a person's tests: always the same one."""
    return _clinic(person.email, person.server)


def _code(operation: "Operation", person: Person) -> str:
    """Return a code that an operation accepts."""
    if operation.is_of_client:
        return str(propose(person.server.person("proposing"), clinic_of(person))["code"])
    return str(clinic_of(person).invite(new_id().hex)["code"])


def _patient(person: Person) -> str:
    """Connect a new patient to a person's clinic; return the patient's id."""
    clinic = clinic_of(person)
    give(person.server.person("connected"), clinic)
    wait_until(lambda: not person.server.run(person.server.db.all(_JOBS)))  # the e-mail is sent
    return str(clinic.connections()[0]["id"])


def _id_for_clinics(operation: "Operation", person: Person) -> str:
    """Return the id of an invitation, a connection, a webhook or a consent."""
    clinic = clinic_of(person)
    if "/invitations/" in operation.path:
        return str(clinic.invite()["id"])
    if "/connections/" in operation.path:
        return _patient(person)
    if "/webhooks/" in operation.path:
        return _webhook(person)
    _withdraw_consents(person)
    return str(propose(person, new_clinic(person.server))["id"])


def _webhook(person: Person) -> str:
    """Create a webhook of a person's clinic, which has no other; return its id."""
    clinic = clinic_of(person)
    for webhook in clinic.client.get(WEBHOOKS).json()["items"]:
        assert clinic.client.delete(f"{WEBHOOKS}/{webhook['id']}").status_code == 204
    return str(clinic.client.post(WEBHOOKS, json={"url": "https://clinic.example/hook"}).json()["id"])


def _withdraw_consents(person: Person) -> None:
    """Withdraw a person's proposed consents, if they are almost as many as a person may have."""
    consents = person.client.get("/v1/consents").json()["items"]
    proposed = [consent["id"] for consent in consents if consent["status"] == "proposed"]
    for id in proposed if len(proposed) > 10 else ():
        assert person.client.patch(f"/v1/consents/{id}", json={"status": "inactive"}).status_code == 200


def resolved(schema: Json) -> Json:
    """Return the schema behind references and behind "or null"."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolved(DOCUMENT.content["components"]["schemas"][name])
    for each in schema.get("anyOf", []):
        if each != {"type": "null"}:
            return resolved(each)
    return schema | {"type": schema["type"][0]} if isinstance(schema.get("type"), list) else schema


def nullable(schema: Json) -> bool:
    """Return whether a member may be null."""
    return {"type": "null"} in schema.get("anyOf", []) or "null" in schema.get("type", "")


def sample(schema: Json) -> Any:
    """Return a value that the schema accepts."""
    schema = resolved(schema)
    if "enum" in schema or "const" in schema:
        return schema.get("enum", [schema.get("const")])[0]
    if schema["type"] == "object":
        required = {name: schema["properties"][name] for name in schema.get("required", [])}
        return {name: None if nullable(member) else sample(member) for name, member in required.items()}
    if "pattern" in schema and "examples" in schema:
        return schema["examples"][0]
    if schema["type"] == "string":
        other = "000000" if "[0-9]{6}" in schema.get("pattern", "") else "wisteria"
        sampled: str = _SAMPLES.get(schema.get("format", ""), schema.get("examples", [other])[0])
        return sampled
    return {"integer": 0, "number": 1, "array": [], "boolean": True}[schema["type"]]


def members(schema: Json, prefix: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Yield the path and schema of each member of a body; of a list of objects, those of the first object."""
    for name, member in schema.get("properties", {}).items():
        yield (*prefix, name), member
        kind = resolved(member)
        inner = resolved(kind["items"]) if kind.get("type") == "array" else kind
        if inner.get("type") == "object":
            yield from members(inner, (*prefix, name, 0) if inner is not kind else (*prefix, name))


@dataclass(frozen=True)
class Operation:
    """An operation of the document."""

    method: str
    path: str
    content: Json

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @cached_property
    def body(self) -> Json | None:
        """The schema of the JSON body, or None."""
        content = self.content.get("requestBody", {}).get("content", {})
        return resolved(content[JSON]["schema"]) if JSON in content else None

    @property
    def takes_archive(self) -> bool:
        """Whether the body is an archive."""
        return MEDIA_TYPE in self.content.get("requestBody", {}).get("content", {})

    @property
    def form(self) -> dict[str, str] | None:
        """The example of the body, if it is a form."""
        content = self.content.get("requestBody", {}).get("content", {})
        return content[FORM]["example"] if FORM in content else None

    @property
    def is_oauth(self) -> bool:
        """Whether its errors are those of OAuth. They have no member of a problem, and 422 is 400."""
        return self.path.startswith("/oauth/")

    def code(self, code: str) -> set[str]:
        """Return the codes that a refusal of the request may have instead of `code`: also OAuth's own, below `/oauth`."""
        return {code, "invalid_request"} if self.is_oauth else {code}

    @property
    def limit(self) -> int:
        """The maximum size of its body in bytes."""
        return int(self.content.get("x-max-body-bytes", BODY_BYTES))

    @cached_property
    def answer(self) -> Json:
        """The schema of the body of a successful response."""
        success = next(each for status, each in sorted(self.content["responses"].items()) if status.startswith("2"))
        content: Json = success.get("content", {})
        return resolved(content["application/json"]["schema"]) if content else {}

    @property
    def parameters(self) -> dict[str, Json]:
        """The schemas of the query parameters by name."""
        declared = self.content.get("parameters", [])
        return {each["name"]: each["schema"] for each in declared if each["in"] == "query"}

    @property
    def tag(self) -> str:
        """The group that it is in."""
        return str(self.content["tags"][0])

    @property
    def is_of_client(self) -> bool:
        """Whether it needs the token of a clinic's client."""
        return any("ClientToken" in each for each in self.content["security"])

    def token(self, person: Person) -> str:
        """Return the person's token, or that of a client of the person's clinic."""
        return clinic_of(person).token if self.is_of_client else person.token

    @property
    def resource(self) -> Resource | None:
        """The kind of record, if the operation is about one."""
        return next((each for each in RESOURCES if f"{self.path}/".startswith(f"{each.path}/")), None)

    def target(self, person: Person) -> str:
        """Return the path with the id of a new record of the person, or an unknown id if it is about no record."""
        if self.is_of_client:
            clinic_of(person)
        if "{" not in self.path:
            return self.path
        if self.tag in CLINICAL:
            return self.path.replace("{id}", _id_for_clinics(self, person))
        if self.tag == CALENDAR:
            link = new_link(person)
            return self.path.format(id=link["id"], file=link["url"].rpartition("/")[2])
        if "{id}" not in self.path:
            return self.path.format(code="not-found", instrument="phq-9")
        resource = ABOUT.get(self.content["operationId"], self.resource)
        id = new_id() if resource is None else UUID(create_record(person.client, resource, person)["id"])
        return self.path.replace("{id}", str(id))

    def headers(self, person: Person, media_type: str | None = JSON) -> list[Header]:
        """Return the headers of a valid request of the person."""
        found = [("Authorization", f"Bearer {self.token(person)}")] if self.content.get("security") else []
        found += [("If-Match", "*")] if self.method in {"PATCH", "DELETE"} else []
        found += [("Content-Type", MEDIA_TYPE)] if self.takes_archive else []
        found += [("Content-Type", FORM)] if self.form else []
        return [*found, ("Content-Type", media_type)] if media_type and self.body else found

    def right_content(self, person: Person) -> bytes | None:
        """Return the bytes of a valid body, or None."""
        if self.takes_archive:
            now = "2026-11-22T18:40:12.504118Z"
            return archive_of({"sessions": [{"id": str(new_id()), "version": 1, "created_at": now, "updated_at": now}]})
        if self.form:
            return urlencode(self.form).encode()
        body = self.right_body(person)
        return None if body is None else json.dumps(body).encode()

    def right_body(self, person: Person) -> Json | None:
        """Return a valid JSON body: the documented example, for which the records that it refers to are created."""
        if self.body is None:
            return None
        if self.resource is not None and self.method == "POST":
            return draft_of(self.resource, person)
        example: Json = copy.deepcopy(self.content["requestBody"]["content"][JSON]["example"])
        if self.tag in CLINICAL and "code" in example:
            example["code"] = _code(self, person)
        if self.content["operationId"] == "push_sessions":
            example["sessions"] = [each | {"patient": _patient(person)} for each in example["sessions"]]
        return example

    def body_with(self, place: Path, value: str, any_of: Json | None = None) -> bytes:
        """Return a valid body except for one member, whose value is a JSON text."""
        body: Any = copy.deepcopy(sample(self.body or {}) if any_of is None else any_of)
        node, schema = body, self.body or {}
        for step, then in zip(place, (*place[1:], None), strict=True):
            schema = resolved(schema["items"] if isinstance(step, int) else schema["properties"][step])
            if then is None:
                node[step] = _HERE
            elif isinstance(then, int):
                node[step] = node.get(step) or [sample(schema["items"])]
            node = node[step]
        return json.dumps(body).replace(json.dumps(_HERE), value).encode()


def _all_operations() -> Iterator[Operation]:
    """Yield the operations, except those below /fhir, which `tests/fhir` and `test_fhir_bodies` attack."""
    for path, methods in DOCUMENT.paths.items():
        if path.startswith("/fhir"):
            continue
        for method, content in methods.items():
            yield Operation(method.upper(), path, content)


OPERATIONS = tuple(_all_operations())
WITH_BODY = tuple(each for each in OPERATIONS if each.body is not None)
WITH_QUERY = tuple(each for each in OPERATIONS if each.parameters)
PAGED = tuple(each for each in OPERATIONS if "cursor" in each.parameters)
LISTS = tuple(each for each in PAGED if each.resource is not None and "{" not in each.path)
PATHS = {each.path: {other.method for other in OPERATIONS if other.path == each.path} for each in OPERATIONS}
