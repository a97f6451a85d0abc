"""Granting access tokens to clients (RFC 6749, section 4.4, with private_key_jwt)."""

from typing import Any, Final

from pydantic import BaseModel, Field

from app.clinics import assertions, examples, scopes
from app.clinics.endpoints import Endpoints
from app.clinics.oauth import OAuthError
from app.clinics.scopes import ScopeError
from app.identity import buckets, throttles
from app.identity.tokens import CLIENT_SECONDS
from app.openapi import example
from app.services import Services

GRANT_TYPE: Final = "client_credentials"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REQUIRED: Final = ("grant_type", "client_assertion_type", "client_assertion")


class TokenRequest(BaseModel, json_schema_extra={**example(examples.TOKEN_REQUEST), "required": [*_REQUIRED]}):
    """A form that requests an access token. A parameter must not be repeated; an empty one counts as absent."""

    # the document shows no default of a factory: the server refuses an empty parameter that is required
    grant_type: str = Field(default_factory=str, examples=[GRANT_TYPE], description=f"Always `{GRANT_TYPE}`.")
    client_assertion_type: str = Field(
        default_factory=str, examples=[ASSERTION_TYPE], description=f"Always `{ASSERTION_TYPE}`."
    )
    client_assertion: str = Field(
        default_factory=str,
        examples=[examples.TOKEN_REQUEST["client_assertion"]],
        description="A JWT that the client has signed with RS384 or ES384. Its claims are `iss` and `sub` (both the client "
        "id), `aud` (the URL of this endpoint), `exp` (at most 300 seconds from now) and `jti` (new for each request).",
    )
    scope: str = Field(
        default_factory=str,
        examples=[examples.TOKEN_REQUEST["scope"]],
        description="The wanted scopes, separated by spaces; the default is all registered scopes.",
    )
    client_id: str = Field(
        default_factory=str, description="The client id. It is optional, because the assertion contains it."
    )


class ClientToken(BaseModel, defer_build=True, json_schema_extra=example(examples.CLIENT_TOKEN)):
    """An access token of a client."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: str = Field(description="Always `Bearer`.")
    expires_in: int = Field(ge=1, le=3600, description="Seconds until the access token expires.")
    scope: str = Field(description="The granted scopes: the requested ones that are registered.")


async def grant(services: Services, endpoints: Endpoints, network: str, request: TokenRequest) -> dict[str, Any]:
    """Verify the assertion and store that it is used; return an access token with its type, lifetime and scopes.

    Raise `OAuthError` if the request is not valid. Raise `TooManyAttempts` after too many failures from the network, or
    too many tokens of the client.
    """
    _check(request)
    async with throttles.count_failures(
        services, buckets.of_assertions(services, network), failure=assertions.NotAuthenticatedError
    ):
        assertion = await assertions.verify(
            services, request.client_assertion, request.client_id or None, endpoints.audiences
        )
        client = assertion.client
        async with services.db.transaction() as tx:
            await assertions.use(tx, assertion)
            await throttles.count(tx, buckets.of_tokens(services, client["id"]))
    scope = _granted(client["scopes"], request.scope)
    return {
        "access_token": services.tokens.issue_to_client(client["id"], scope),
        "token_type": "Bearer",
        "expires_in": CLIENT_SECONDS,
        "scope": scope,
    }


def _check(request: TokenRequest) -> None:
    if request.grant_type not in {"", GRANT_TYPE}:
        raise OAuthError("unsupported_grant_type", f"The grant_type must be {GRANT_TYPE}.")
    for name in _REQUIRED:
        if not getattr(request, name):
            raise OAuthError("invalid_request", f"The parameter {name} is required.")
    if request.client_assertion_type != ASSERTION_TYPE:
        raise OAuthError("invalid_request", f"The client_assertion_type must be {ASSERTION_TYPE}.")


def _granted(registered: str, requested: str) -> str:
    if not requested:
        return registered
    try:
        granted = scopes.granted(scopes.parse(registered), requested)
    except ScopeError:
        message = "The scope must be a list of scopes, separated by single spaces."
        raise OAuthError("invalid_scope", message) from None
    if not granted:
        raise OAuthError("invalid_scope", "None of these scopes is registered for the client.")
    return scopes.render(granted)
