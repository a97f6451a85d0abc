"""`POST /oauth/token`: the form, the scopes, and errors in the form of OAuth (RFC 6749, 5.2)."""

import re
from urllib.parse import urlencode

import pytest

from tests.clinics.clients import SCOPES, Assertions, add_client, form, request_token
from tests.hostile.raw import RawConnection
from tests.serving import Person, Server
from tests.witness import DOCUMENT

FORM = [("Content-Type", "application/x-www-form-urlencoded")]
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+").fullmatch


@pytest.fixture
def assertions(server: Server) -> Assertions:
    return Assertions(server.url, add_client(server))


INVALID: dict[str, tuple[dict[str, str | None], str, str]] = {
    "no grant_type": ({"grant_type": None}, "invalid_request", "grant_type"),
    "an empty grant_type": ({"grant_type": ""}, "invalid_request", "grant_type"),
    "authorization_code": ({"grant_type": "authorization_code"}, "unsupported_grant_type", "client_credentials"),
    "password": ({"grant_type": "password", "client_assertion": None}, "unsupported_grant_type", "client_credentials"),
    "a grant_type with a blank": (
        {"grant_type": "client_credentials "},
        "unsupported_grant_type",
        "client_credentials",
    ),
    "no assertion": ({"client_assertion": None}, "invalid_request", "client_assertion"),
    "an empty assertion": ({"client_assertion": ""}, "invalid_request", "client_assertion"),
    "no type": ({"client_assertion_type": None}, "invalid_request", "client_assertion_type"),
    "SAML": (
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        "invalid_request",
        "jwt-bearer",
    ),
    "a client secret": (
        {"client_assertion": None, "client_assertion_type": None, "client_id": "a", "client_secret": "b"},
        "invalid_request",
        "client_assertion_type",
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_request_gets_the_error_of_oauth(server: Server, assertions: Assertions, case: str) -> None:
    changes, error, words = INVALID[case]
    response = request_token(server, assertions.valid(), **changes)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.headers["cache-control"] == "no-store"
    assert words in response.json()["error_description"]


@pytest.mark.parametrize("name", ["wisteria", "\U0001f33f", 'a"b', "a\\b", "a`b"])
def test_a_description_has_only_characters_that_oauth_allows(server: Server, name: str) -> None:
    response = server.anyone.post("/oauth/token", params={name: "1"}, data=form("wisteria"))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert DESCRIPTION(response.json()["error_description"])


@pytest.mark.parametrize("name", ["grant_type", "client_assertion_type", "client_assertion", "scope", "client_id"])
def test_a_known_parameter_must_occur_once(server: Server, assertions: Assertions, name: str) -> None:
    pairs = [*form(assertions.valid(), scope=SCOPES, client_id=assertions.id).items()]
    again = urlencode([*pairs, *(pair for pair in pairs if pair[0] == name)])
    response = server.anyone.post("/oauth/token", content=again, headers=dict(FORM))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert response.json()["error_description"] == f"{name}: Send this parameter once."


def test_an_unknown_parameter_is_ignored(server: Server, assertions: Assertions) -> None:
    pairs = [*form(assertions.valid()).items(), ("resource", "a"), ("resource", "b"), ("client_secret", "c")]
    assert server.anyone.post("/oauth/token", content=urlencode(pairs), headers=dict(FORM)).status_code == 200


GRANTED = {
    "absent": (None, SCOPES),
    "empty": ("", SCOPES),
    "one": ("system/Goal.rs", "system/Goal.rs"),
    "fewer letters": ("system/Patient.rs", "system/Patient.rs"),
    "more letters": ("system/Goal.cruds", "system/Goal.rs"),
    "another order": ("system/Goal.rs system/Patient.r", "system/Patient.r system/Goal.rs"),
    "of version 1": ("system/Patient.read system/Goal.*", "system/Patient.rs system/Goal.rs"),
    "write of version 1": ("system/Patient.write", "system/Patient.cu"),
    "all types": ("system/*.rs", "system/Patient.rs system/Procedure.rs system/Goal.rs"),
    "everything": ("system/*.*", SCOPES),
    "a type that is not registered": ("system/Task.rs system/Goal.rs", "system/Goal.rs"),
    "of another kind": ("openid user/Patient.rs system/Goal.rs", "system/Goal.rs"),
    "twice": ("system/Goal.r system/Goal.s", "system/Goal.rs"),
}


@pytest.mark.parametrize("case", GRANTED)
def test_the_granted_scopes_are_the_registered_of_those_requested(
    server: Server, assertions: Assertions, case: str
) -> None:
    requested, granted = GRANTED[case]
    response = request_token(server, assertions.valid(), scope=requested)
    assert (response.status_code, response.json().get("scope")) == (200, granted)


NOT_GRANTED = {
    "not registered": "system/Task.rs",
    "of another kind": "openid fhirUser",
    "a letter that is not registered": "system/Goal.d",
    "of a person": "person",
    "two blanks": "system/Goal.rs  system/Patient.rs",
    "only a blank": " ",
    "a line": "system/Goal.rs\nsystem/Patient.rs",
    "a quote": 'system/Goal.rs "',
    "other letters": "system/G\u043eal.rs",
}


@pytest.mark.parametrize("case", NOT_GRANTED)
def test_scopes_of_which_none_is_registered_are_invalid(server: Server, assertions: Assertions, case: str) -> None:
    response = request_token(server, assertions.valid(), scope=NOT_GRANTED[case])
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")


BODIES = {
    "JSON": (415, [("Content-Type", "application/json")], b"{}"),
    "no media type": (415, [], b"grant_type=client_credentials"),
    "an encoding": (415, [*FORM, ("Content-Encoding", "gzip")], b"grant_type=client_credentials"),
    "an open escape": (400, FORM, b"grant_type=%"),
    "bad UTF-8": (400, FORM, b"grant_type=%FF"),
    "NUL": (400, FORM, b"grant_type=%00"),
    "raw bytes": (400, FORM, b"grant_type=\xff"),
    "nothing": (400, FORM, b""),
    "64 KiB and more": (413, FORM, b"a" * (64 * 1024 + 1)),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_no_form_gets_the_error_of_oauth(server: Server, case: str) -> None:
    status, headers, body = BODIES[case]
    with RawConnection(server.address) as connection:
        reply = connection.request("POST", "/oauth/token", headers, body)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/json")
    assert reply.body.startswith(b'{"error":"invalid_request","error_description":"')
    assert b"wisteria" not in reply.body


def test_a_query_a_wrong_method_and_an_unknown_path_get_the_error_of_oauth(
    server: Server, assertions: Assertions
) -> None:
    query = server.anyone.post("/oauth/token?scope=system/Goal.rs", data=form(assertions.valid()))
    method = server.anyone.get("/oauth/token")
    path = server.anyone.get("/oauth/authorize")
    assert [each.status_code for each in (query, method, path)] == [400, 405, 404]
    assert {each.json()["error"] for each in (query, method, path)} == {"invalid_request"}
    assert all(DESCRIPTION(each.json()["error_description"]) for each in (query, method, path))
    assert method.headers["allow"] == "POST"


def test_a_clients_token_is_refused_on_a_persons_routes(server: Server, assertions: Assertions, alice: Person) -> None:
    token = request_token(server, assertions.valid()).json()["access_token"]
    client = server.client(token)
    for path in ("/v1/me", "/v1/sessions", "/v1/sync"):
        response = client.get(path)
        shown = DOCUMENT.content["components"]["examples"]["forbidden"]["value"]
        assert response.json() == shown | {"request_id": response.headers["x-request-id"]}
    assert alice.client.get("/v1/me").status_code == 200
