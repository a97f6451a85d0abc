"""Every error below /fhir is an OperationOutcome, also of a path that does not exist and of a limit."""

import asyncio
from typing import Any, Final

import httpx2 as httpx
import pytest

from app.fhir.dialect import FHIR
from app.server.in_flight import InFlightLimiter
from tests.conftest import Servers
from tests.drafts import Json
from tests.fhir.facade import TYPES, WRITABLE, Facade, checked, refused
from tests.hostile.raw import RawConnection
from tests.serving import Person, Server

ID: Final = "019aa2c4-7b00-7000-8000-00000000beef"
ERRORS: Final[dict[str, tuple[str, str, dict[str, Any], int, str]]] = {
    "an unknown type": ("GET", "/fhir/Wisteria", {}, 404, "not-found"),
    "an unknown path": ("GET", f"/fhir/Patient/{ID}/$everything", {}, 404, "not-found"),
    "an escaped operation": ("GET", "/fhir/%24export", {}, 404, "not-found"),
    "a trailing slash": ("GET", "/fhir/Patient/", {}, 404, "not-found"),
    "an id that is none": ("GET", "/fhir/Patient/wisteria", {}, 404, "not-found"),
    "the base": ("GET", "/fhir", {}, 405, "not-supported"),
    "a removal": ("DELETE", f"/fhir/Procedure/{ID}", {}, 405, "not-supported"),
    "a patch": ("PATCH", f"/fhir/Procedure/{ID}", {"json": {}}, 405, "not-supported"),
    "a create of what is only read": ("POST", "/fhir/Goal", {"json": {}}, 405, "not-supported"),
    "an invitation by FHIR": ("POST", "/fhir/Patient", {"json": {}}, 405, "not-supported"),
    "an update of what is only read": ("PUT", f"/fhir/Patient/{ID}", {"json": {}}, 405, "not-supported"),
    "a conditional update of what is only read": ("PUT", "/fhir/Patient", {"json": {}}, 405, "not-supported"),
    "a former version": ("GET", f"/fhir/Procedure/{ID}/_history/1", {}, 400, "invalid"),
    "a history": ("GET", f"/fhir/Procedure/{ID}/_history", {}, 400, "invalid"),
    "a history of a type": ("GET", "/fhir/Procedure/_history", {}, 400, "invalid"),
    "the history of all": ("GET", "/fhir/_history?_count=1", {}, 400, "invalid"),
    "another format": ("GET", "/fhir/Procedure?_format=xml", {}, 406, "not-supported"),
    "another format of a read": ("GET", f"/fhir/Procedure/{ID}?_format=text/turtle", {}, 406, "not-supported"),
    "a client that wants XML": (
        "GET",
        "/fhir/Goal",
        {"headers": {"Accept": "application/fhir+xml"}},
        406,
        "not-supported",
    ),
    "a parameter of a read": ("GET", f"/fhir/Procedure/{ID}?wisteria=1", {}, 400, "not-supported"),
    "XML": (
        "POST",
        "/fhir/Procedure",
        {"content": b"<a/>", "headers": {"Content-Type": "text/xml"}},
        415,
        "not-supported",
    ),
    "no JSON": (
        "POST",
        "/fhir/Procedure",
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        400,
        "invalid",
    ),
    "a list": ("POST", "/fhir/Procedure", {"json": []}, 400, "invalid"),
    "a body that is too large": ("POST", "/fhir/Procedure", {"json": "w" * (2 * 2**20)}, 413, "too-long"),
    "NUL in a query": ("GET", "/fhir/Procedure?status=%00", {}, 400, "invalid"),
    "a long URL": ("GET", f"/fhir/Procedure?status={'w' * 9000}", {}, 414, "too-long"),
}


@pytest.mark.parametrize(("method", "path", "sent", "status", "code"), ERRORS.values(), ids=ERRORS)
def test_every_error_is_an_operation_outcome(
    facade: Facade, method: str, path: str, sent: Json, *, status: int, code: str
) -> None:
    response = facade.clinic.client.request(method, path, **sent)
    assert refused(response, status) == [code]
    issue = response.json()["issue"][0]
    assert issue["diagnostics"] == f"request {response.headers['x-request-id']}"


def test_a_refusal_of_the_caller_is_an_operation_outcome(server: Server, alice: Person) -> None:
    response = server.anyone.get("/fhir/Procedure")
    assert refused(response, 401) == ["login"]
    assert response.headers["www-authenticate"] == "Bearer"
    assert refused(server.anyone.post("/fhir", json={}), 401) == ["login"]
    for path in ("Patient", f"Patient/{ID}"):
        assert refused(alice.client.get(f"/fhir/{path}"), 403) == ["forbidden"]


def test_a_missing_method_lists_those_that_a_type_has(facade: Facade) -> None:
    for kind in TYPES:
        writes = kind in WRITABLE
        response = facade.clinic.client.request("DELETE", f"/fhir/{kind}")
        assert response.status_code == 405
        if not writes:
            for path, method in ((f"/fhir/{kind}", "POST"), (f"/fhir/{kind}/{ID}", "PUT")):
                refusal = facade.clinic.client.request(method, path, json={})
                assert refusal.headers["allow"] == "GET, HEAD"


def test_bytes_that_are_no_request_are_refused_outside_of_any_dialect(server: Server) -> None:
    with RawConnection(server.address) as connection:
        assert connection.send(b"wisteria\r\n\r\n").status == 400


@pytest.mark.parametrize("path", ["/fhir/Procedure", "/fhir", "/fhir?a=1", "/below/fhir/Goal"])
def test_a_shed_request_gets_an_operation_outcome(path: str) -> None:
    async def refuse(url: str) -> bytes:
        limiter = InFlightLimiter(root_path="/below", dialects=(FHIR,))
        headers = [(b"x-request-id", b"the-same")]
        return limiter.refuse(headers, ended=0, bodiless=False, closing=True, url=url.encode())

    content = asyncio.run(refuse(path))
    assert b'"code":"transient"' in content
    assert b"content-type: application/fhir+json\r\n" in content
    assert b"request the-same" in content
    for other in ("/fhirs", "/v1/fhir", "/"):
        assert b"application/problem+json" in asyncio.run(refuse(other))


def test_metadata_lists_exactly_what_is_implemented(server: Server, facade: Facade) -> None:
    statement = checked(server.anyone.get("/fhir/metadata?mode=full&_format=json"), 200)
    (rest,) = statement["rest"]
    assert statement["fhirVersion"] == "4.0.1"
    base = str(facade.clinic.client.base_url).rstrip("/")
    assert rest["security"]["extension"][0]["extension"] == [{"url": "token", "valueUri": f"{base}/oauth/token"}]
    assert [each["type"] for each in rest["resource"]] == [*TYPES]
    for each in rest["resource"]:
        codes = {interaction["code"] for interaction in each["interaction"]}
        assert ("create" in codes) == ("update" in codes) == each["conditionalUpdate"] == (each["type"] in WRITABLE)
        for parameter in each["searchParam"]:
            value = {"date": "2026", "reference": facade.patient}.get(parameter["type"], "wisteria")
            facade.get(f"{each['type']}?{parameter['name']}={value}")
    assert refused(server.anyone.get("/fhir/metadata?_format=xml"), 406) == ["not-supported"]


def test_links_are_below_the_issuers_base(servers: Servers, database: str) -> None:
    issuer = "https://api.example.org/afterglow"
    server = servers.start(servers.settings(database, issuer=issuer, root_path="/afterglow"))
    assert server.anyone.get("/fhir/metadata").json()["implementation"]["url"] == f"{issuer}/fhir"
    with httpx.Client(base_url=f"{server.url}/afterglow/fhir/") as client:
        assert client.get(".well-known/smart-configuration").json()["issuer"] == issuer
        assert refused(client.get("Goal"), 401) == ["login"]
        assert refused(client.get("Goal", headers={"X-Wisteria": "w" * 40_000}), 431) == ["too-long"]
    server.end_test()
