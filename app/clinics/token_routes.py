"""The token endpoint, and the documents in which clients find it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends

from app.clinics.discovery import AuthorizationServer, describe
from app.clinics.endpoints import Endpoints, TheEndpoints
from app.clinics.granting import ClientToken, TokenRequest, grant
from app.clinics.oauth import OAuthError, OAuthRoute, oauth_errors
from app.http import MAX_BODY_BYTES, FormBody, Response, Route, json_response
from app.identity.networks import Network
from app.openapi import problems
from app.services import TheServices

MAX_FORM_BYTES: Final = 64 * 1024
TAG: Final = "Clinic access"
router = APIRouter(prefix="/oauth", tags=[TAG], route_class=OAuthRoute)
discovery = APIRouter(tags=[TAG], route_class=Route)


@router.post(
    "/token",
    response_model=ClientToken,
    responses=oauth_errors(),
    openapi_extra={MAX_BODY_BYTES: MAX_FORM_BYTES},
    summary="Request an access token for a client",
)
async def request_client_token(
    services: TheServices,
    endpoints: TheEndpoints,
    network: Network,
    form: Annotated[TokenRequest, Depends(FormBody(TokenRequest))],
) -> Response:
    """Return an access token for a client of a clinic (RFC 6749 with the client authentication of RFC 7523).

    The client signs an assertion with the private key whose public part the operator has registered. An assertion is
    valid once. Errors have the form of OAuth. The assertion in the example is not valid (401): `afterglow clinic token`
    makes one and prints the access token.
    """
    try:
        granted: dict[str, Any] = await grant(services, endpoints, network, form)
    except OAuthError as error:
        return error.response()
    return json_response(granted)


@discovery.get(
    "/.well-known/smart-configuration",
    response_model=AuthorizationServer,
    responses=problems(),
    summary="Get the SMART configuration",
)
async def get_smart_configuration(endpoints: TheEndpoints) -> Response:
    """Return the URL of the token endpoint, and the methods and scopes that clients can use (SMART App Launch 2.2)."""
    return _described(endpoints)


@discovery.get(
    "/.well-known/oauth-authorization-server",
    response_model=AuthorizationServer,
    responses=problems(),
    summary="Get the authorization server metadata",
)
async def get_authorization_server(endpoints: TheEndpoints) -> Response:
    """Return the same document as `GET /.well-known/smart-configuration`. OAuth clients look for it here (RFC 8414)."""
    return _described(endpoints)


def _described(endpoints: Endpoints) -> Response:
    return json_response(describe(endpoints), headers=[(b"cache-control", b"public, max-age=300")])
