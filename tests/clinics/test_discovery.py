"""The discovery documents, against the members that their standards require."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.clinics.clients import Assertions, add_client, request_token
from tests.conftest import Servers
from tests.serving import Server

PATHS = (
    "/.well-known/smart-configuration",
    "/fhir/.well-known/smart-configuration",
    "/.well-known/oauth-authorization-server",
)
RFC_8414 = {"issuer", "token_endpoint", "response_types_supported"}
"""What RFC 8414, section 2, requires of a server without an authorization endpoint."""
SMART = {"grant_types_supported", "token_endpoint", "capabilities", "code_challenge_methods_supported"}
"""What SMART App Launch 2.2, section 2.0.16, requires."""


@pytest.mark.parametrize("path", PATHS)
def test_a_discovery_document_has_what_its_standards_require(server: Server, path: str) -> None:
    response = server.anyone.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "public, max-age=300"
    document: dict[str, Any] = response.json()
    assert set(document) >= RFC_8414 | SMART
    assert document == {
        "issuer": server.url,
        "jwks_uri": f"{server.url}/.well-known/jwks.json",
        "token_endpoint": f"{server.url}/oauth/token",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "scopes_supported": [
            "system/Patient.crus",
            "system/Procedure.crus",
            "system/MedicationAdministration.crus",
            "system/Observation.rs",
            "system/Goal.rs",
            "system/Task.rs",
            "system/DocumentReference.rs",
            "system/QuestionnaireResponse.rs",
            "system/Consent.rs",
            "system/Subscription.cruds",
        ],
        "response_types_supported": [],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }
    assert all(urlsplit(document[name]).path.startswith("/") for name in ("jwks_uri", "token_endpoint"))


def test_a_client_finds_its_token_and_the_keys_by_discovery(server: Server) -> None:
    document = server.anyone.get(PATHS[0]).json()
    assertions = Assertions(server.url, add_client(server))
    for audience in (document["token_endpoint"], document["issuer"]):
        assert request_token(server, assertions.valid(aud=audience)).status_code == 200
    assert server.anyone.get(urlsplit(document["jwks_uri"]).path).json()["keys"]


BASES = {
    "an issuer": ({"issuer": "https://api.example.org"}, "https://api.example.org"),
    "an issuer with a slash": ({"issuer": "https://api.example.org/"}, "https://api.example.org"),
    "an issuer with the root path": (
        {"issuer": "https://example.org/afterglow", "root_path": "/afterglow"},
        "https://example.org/afterglow",
    ),
    "an issuer without the root path": (
        {"issuer": "https://example.org", "root_path": "/afterglow"},
        "https://example.org/afterglow",
    ),
}


@pytest.fixture
def configured(servers: Servers, request: pytest.FixtureRequest) -> Iterator[tuple[Server, str, str]]:
    changes, base = BASES[request.param]
    server = servers.start(servers.settings("sqlite", **changes))
    yield server, str(changes["issuer"]), base
    server.end_test()


@pytest.mark.parametrize("configured", BASES, indirect=True)
def test_the_documents_follow_the_configured_issuer(configured: tuple[Server, str, str]) -> None:
    server, issuer, base = configured
    document = server.anyone.get(PATHS[2]).json()
    assert document["issuer"] == issuer
    assert document["token_endpoint"] == f"{base}/oauth/token"
    assert document["jwks_uri"] == f"{base}/.well-known/jwks.json"
    assertions = Assertions(base, add_client(server))
    for audience in (issuer, assertions.endpoint):
        assert request_token(server, assertions.valid(aud=audience)).status_code == 200
    assert request_token(server, assertions.valid(aud=f"{server.url}/oauth/token")).status_code == 401


def test_a_development_server_below_a_path_describes_its_public_urls(servers: Servers) -> None:
    server = servers.start(servers.settings("sqlite", root_path="/afterglow"))
    assert server.anyone.get(PATHS[1]).json()["token_endpoint"] == f"{server.url}/afterglow/oauth/token"
