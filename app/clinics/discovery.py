"""Discovery: the documents with the URL and the features of the token endpoint (RFC 8414, SMART App Launch 2.2)."""

from typing import Final

from pydantic import BaseModel, Field

from app.clinics import examples, scopes
from app.clinics.assertions import ALGORITHMS
from app.clinics.endpoints import Endpoints
from app.clinics.granting import GRANT_TYPE
from app.openapi import Example, example

_SUPPORTED: Final[Example] = {
    "grant_types_supported": [GRANT_TYPE],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": [*ALGORITHMS],
    "scopes_supported": scopes.render(scopes.SUPPORTED).split(),
    "response_types_supported": [],
    "code_challenge_methods_supported": ["S256"],
    "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
}


class AuthorizationServer(BaseModel, defer_build=True, json_schema_extra=example(examples.AUTHORIZATION_SERVER)):
    """The metadata with which a client of a clinic requests access tokens (RFC 8414, SMART App Launch 2.2)."""

    issuer: str = Field(description="The URL of this API, which an assertion may name as its `aud`.")
    jwks_uri: str = Field(description="The URL of the public keys that verify access tokens.")
    token_endpoint: str = Field(description="The URL of the token endpoint, which an assertion may name as its `aud`.")
    grant_types_supported: list[str] = Field(description=f"Always `{GRANT_TYPE}`.")
    token_endpoint_auth_methods_supported: list[str] = Field(description="Always `private_key_jwt`.")
    token_endpoint_auth_signing_alg_values_supported: list[str] = Field(description="The algorithms of assertions.")
    scopes_supported: list[str] = Field(description="The scopes that a client can have.")
    response_types_supported: list[str] = Field(description="Always empty: there is no authorization endpoint.")
    code_challenge_methods_supported: list[str] = Field(description="Always `S256`, as SMART requires.")
    capabilities: list[str] = Field(description="The SMART capabilities that the server supports.")


def describe(endpoints: Endpoints) -> Example:
    """Return the discovery document of this server."""
    return {
        "issuer": endpoints.issuer,
        "jwks_uri": endpoints.of("/.well-known/jwks.json"),
        "token_endpoint": endpoints.token,
        **_SUPPORTED,
    }
