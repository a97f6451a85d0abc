"""The witness: a client that checks each response against the OpenAPI document.

The status, media type and body of a response must be documented for the operation, a successful body must have exactly the
members of its schema (of those that are not required, any), and the headers of all responses must be present.
"""

import json
from functools import cached_property
from typing import Any
from uuid import UUID

import httpx2 as httpx
from jsonschema_rs import Draft202012Validator

from app.main import create_app
from app.settings import Settings

Json = dict[str, Any]
ANYWHERE = {400, 404, 405, 413, 414, 431}
PAGES = {"/", "/guide", "/docs", "/redoc", "/openapi.json"}
"""The paths that are served and not documented."""
ALWAYS = {"x-request-id", "x-content-type-options", "referrer-policy", "x-frame-options", "cache-control"}
PROBLEM = "application/problem+json"
FHIR = "application/fhir+json"
STREAM = "text/event-stream"
NDJSON = "application/fhir+ndjson"
ARCHIVE = "application/zip"
IMAGE = "image/svg+xml"
CALENDAR = "text/calendar"


class Document:
    """The OpenAPI document of the application."""

    @cached_property
    def content(self) -> Json:
        """The document as JSON."""
        return create_app(Settings()).openapi()

    @cached_property
    def paths(self) -> Json:
        """The paths, with the parameters of operations in place of references."""
        shared = self.content["components"]["parameters"]
        found: Json = json.loads(json.dumps(self.content["paths"]))
        for operations in found.values():
            for operation in operations.values():
                every = operation.get("parameters", [])
                every[:] = [shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in every]
        return found

    def example(self, content: Json) -> Any:
        """Return the example of a body or a response: its own, or that of its shape."""
        return content["example"] if "example" in content else self._shown(content["schema"])

    def _shown(self, schema: Json) -> Any:
        """Return the example of a schema: its own, or one made from those of its members, as the docs page does."""
        if "$ref" in schema:
            return self._shown(self.content["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        if "examples" in schema:
            return schema["examples"][0]
        if "items" in schema:
            return [self._shown(schema["items"])]
        return {name: self._shown(member) for name, member in schema["properties"].items()}

    def operation(self, method: str, path: str) -> Json | None:
        """Return the operation for a method and path, or None if the path is not documented."""
        given = path.split("/")
        fitting: dict[int, Json] = {}
        for template, methods in self.content["paths"].items():
            parts = template.split("/")
            if len(parts) == len(given) and all(a == b or a.startswith("{") for a, b in zip(parts, given, strict=True)):
                fitting[template.count("{")] = methods
        found: Json | None = (
            fitting[min(fitting)].get("get" if method == "HEAD" else method.lower()) if fitting else None
        )
        return found

    def response(self, described: Json) -> Json:
        """Return the description of a response, resolved if it is a reference."""
        name = described.get("$ref", "").rpartition("/")[2]
        found: Json = self.content["components"]["responses"][name] if name else described
        return found

    @cached_property
    def _validators(self) -> dict[str, Draft202012Validator]:
        return {}

    def check(self, schema: Json, body: object, *, exactly: bool) -> None:
        """Check a body against a schema; with `exactly`, its members must be those of the schema."""
        key = repr(schema)
        if key not in self._validators:
            whole = {**schema, "components": self.content["components"]}
            self._validators[key] = Draft202012Validator(whole, validate_formats=True)
        self._validators[key].validate(body)
        if exactly:
            self._exactly(schema, body)

    def _exactly(self, schema: Json, body: object) -> None:
        name = schema.get("$ref", "").rpartition("/")[2]
        shape = self.content["components"]["schemas"][name] if name else schema
        if "discriminator" in shape and isinstance(body, dict):
            chosen = shape["discriminator"]["mapping"].get(body[shape["discriminator"]["propertyName"]])
            self._exactly({"$ref": chosen or "#/components/schemas/UnknownOpResult"}, body)
        elif isinstance(body, list):
            for each in body:
                self._exactly(shape.get("items", {}), each)
        elif isinstance(body, dict) and "properties" in shape and not shape.get("additionalProperties"):
            assert set(shape["required"]) <= set(body) <= set(shape["properties"])
            for member, value in body.items():
                self._exactly(shape["properties"][member], value)


DOCUMENT = Document()


def witness(response: httpx.Response) -> None:
    """Check a response against the document."""
    request, status = response.request, response.status_code
    media_type = response.headers.get("content-type")
    if media_type != STREAM:
        response.read()
    assert status < 500 or status in {503, 507}, response.text
    missing = ALWAYS - set(response.headers)
    assert not missing, missing
    if media_type == PROBLEM and request.method != "HEAD":
        DOCUMENT.check({"$ref": "#/components/schemas/Problem"}, response.json(), exactly=False)
        assert response.json()["request_id"] == response.headers["x-request-id"]
        assert response.json()["status"] == status
    if request.url.path.startswith("/fhir") and status >= 400 and request.method != "HEAD":
        assert media_type == FHIR
        assert response.json()["resourceType"] == "OperationOutcome"
    operation = DOCUMENT.operation(request.method, request.url.raw_path.decode().partition("?")[0])
    if operation is None:
        assert status in ANYWHERE or request.url.path in PAGES or "/assets/" in request.url.path
        return
    described = operation["responses"].get(str(status))
    assert described is not None, f"{operation['operationId']} does not document {status}: {response.text}"
    documented = DOCUMENT.response(described)
    unsent = {name.lower() for name in documented.get("headers", ())} - set(response.headers)
    assert not unsent, unsent
    if request.method == "HEAD":
        return
    if "content" not in documented:
        assert response.content == b""
        return
    media_type = (media_type or "").removesuffix("; charset=utf-8")
    schema = documented["content"][media_type]["schema"]
    if media_type in {STREAM, ARCHIVE, IMAGE, CALENDAR, NDJSON}:
        return
    DOCUMENT.check(schema, response.json(), exactly=status < 300)


class Client(httpx.Client):
    """A client of the API that checks each response."""

    def __init__(self, url: str, token: str | None = None, address: str | None = None) -> None:
        """Take the server's URL, an access token, and this machine's IP address to connect from, such as 127.0.0.2."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        transport = httpx.HTTPTransport(verify=False, local_address=address)  # loading certificates takes 30 ms
        super().__init__(
            base_url=url, headers=headers, event_hooks={"response": [witness]}, timeout=30, transport=transport
        )

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request; without `stream`, only the first part of an event stream is read."""
        response = super().send(request, stream=True, **options)
        if stream:
            return response
        if response.headers.get("content-type") == STREAM and request.method != "HEAD":
            first = next(response.iter_raw())
            response.close()
            response = httpx.Response(
                response.status_code, headers=response.headers, content=first, request=response.request
            )
        response.read()
        return response


def is_id(text: str) -> bool:
    """Return whether a text is an id in the format of the API."""
    return str(UUID(text)) == text
