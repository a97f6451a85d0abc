"""Example bodies and responses of the token endpoint and of discovery."""

from typing import Final

from app.openapi import Example

TOKEN_REQUEST: Final[Example] = {
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": "eyJhbGciOiJFUzM4NCIsImtpZCI6ImsxIn0.eyJpc3MiOiIwMTlhYTJjNCJ9.c2lnbmVkLCBhcyBhbiBleGFtcGxl",
    "scope": "system/Patient.crus system/Procedure.crus",
}
CLIENT_TOKEN: Final[Example] = {
    "access_token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTlhYTJjNCJ9.c2lnbmVkLCBhcyBhbiBleGFtcGxl",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "system/Patient.crus system/Procedure.crus",
}
OAUTH_ERROR: Final[Example] = {
    "error": "invalid_client",
    "error_description": "The assertion does not authenticate a client. Check its form, its client id, key and signature.",
}
AUTHORIZATION_SERVER: Final[Example] = {
    "issuer": "https://api.example.org",
    "jwks_uri": "https://api.example.org/.well-known/jwks.json",
    "token_endpoint": "https://api.example.org/oauth/token",
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
