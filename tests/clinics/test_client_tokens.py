"""Access tokens of clients: forged with the server's own key, so that only one claim is wrong with each."""

from collections.abc import Callable

import jwt
import pytest

from app.ids import new_id_text
from tests.clinics.clients import Json, add_client
from tests.identity.tokens import Forge
from tests.serving import Person, Server

BAD: dict[str, Callable[[Json], Json]] = {
    "another client_id": lambda _: {"client_id": new_id_text()},
    "a client_id that is no id": lambda _: {"client_id": "wisteria", "sub": "wisteria"},
    "a client_id in capitals": lambda claims: {name: claims["sub"].upper() for name in ("client_id", "sub")},
    "a client_id of another type": lambda _: {"client_id": 5},
    "a device session, too": lambda _: {"sid": new_id_text()},
    "a device session instead": lambda _: {"sid": new_id_text(), "client_id": None},
    "a life of more than five minutes": lambda claims: {"exp": claims["iat"] + 301},
    "a life that has ended": lambda claims: {"iat": claims["iat"] - 600, "exp": claims["exp"] - 600},
    "another issuer": lambda _: {"iss": "https://wisteria.example"},
    "another audience": lambda _: {"aud": "wisteria"},
    "a list of audiences": lambda claims: {"aud": [claims["aud"]]},
    "a list of scopes": lambda claims: {"scope": claims["scope"].split()},
    "no scope": lambda _: {"scope": None},
    "a claim that is not known": lambda claims: {"azp": claims["sub"]},
}


@pytest.fixture
def forge(server: Server, alice: Person) -> Forge:
    forge = Forge(server, alice)
    token = server.services.tokens.issue_to_client(add_client(server)["id"], "system/Goal.rs")
    forge.claims = jwt.decode(token, options={"verify_signature": False})
    return forge


def answered(forge: Forge, claims: Json) -> int:
    sent = {name: value for name, value in claims.items() if value is not None}
    return forge.server.client(forge.signed(claims=sent)).get("/v1/me").status_code


def test_a_token_with_the_same_claims_authenticates_the_client(forge: Forge) -> None:
    assert answered(forge, forge.claims) == 403


@pytest.mark.parametrize("case", BAD)
def test_a_token_with_a_wrong_claim_is_401(forge: Forge, case: str) -> None:
    assert answered(forge, forge.claims | BAD[case](forge.claims)) == 401
