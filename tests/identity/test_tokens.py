"""Access tokens: exactly ours are believed; whatever is odd about one is 401, through the real server."""

import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import time_machine

from app.identity import tokens
from tests.hostile.raw import Line
from tests.identity.bad_tokens import BAD
from tests.identity.tokens import Forge, Make
from tests.serving import Person, Server


@pytest.fixture
def forge(server: Server, alice: Person) -> Forge:
    return Forge(server, alice)


def test_another_library_verifies_our_token_by_the_published_keys(server: Server, alice: Person) -> None:
    published = server.anyone.get("/.well-known/jwks.json")
    assert published.headers["cache-control"] == "public, max-age=300"
    key = jwt.PyJWKSet.from_dict(published.json())[server.site.keyring.current.kid]
    assert set(published.json()["keys"][0]) == {"crv", "kty", "x", "y", "kid", "alg", "use"}
    settings = server.settings
    claims = jwt.decode(alice.token, key, ["ES256"], audience=settings.audience, issuer=settings.issuer)
    assert set(claims) == {"iss", "aud", "sub", "sid", "scope", "iat", "exp", "jti"}
    assert (claims["sub"], claims["scope"], claims["exp"] - claims["iat"]) == (str(alice.id), "person", 600)
    assert jwt.get_unverified_header(alice.token) == {"alg": "ES256", "typ": "at+jwt", "kid": key.key_id}
    assert str(alice.id) == alice.client.get("/v1/me").json()["id"]


def test_a_token_that_another_library_makes_with_our_key_is_believed(server: Server, forge: Forge) -> None:
    for token in (forge.signed(), forge.by(forge.key, "ES256")):
        assert server.client(token).get("/v1/me").status_code == 200


@pytest.mark.parametrize("make", BAD.values(), ids=[name.encode("unicode_escape").decode() for name in BAD])
def test_whatever_is_odd_about_a_token_is_401(line: Line, forge: Forge, make: Make) -> None:
    reply = line.ask("GET", "/v1/me", [("Authorization", f"Bearer {make(forge)}")])
    assert (reply.status, reply.problem["code"]) == (401, "not-signed-in")
    assert reply.headers["www-authenticate"] == "Bearer"


def test_a_token_counts_only_in_one_authorization_header(line: Line, alice: Person) -> None:
    token = alice.token
    good = ("Authorization", f"Bearer {token}")
    assert line.ask("GET", "/v1/me", [("authorization", f"bearer {token}")]).status == 200
    bad = [
        [good, good],
        [good, ("Authorization", "Basic d2lzdGVyaWE=")],
        [("Authorization", token)],
        [("Authorization", f"Bearer  {token}")],
        [("Authorization", f"Bearer {token}, Bearer {token}")],
        [("Authorization", f"Token {token}")],
        [("Authorization", f"DPoP {token}")],
        [("Authorization", "")],
        [("Cookie", f"access_token={token}; Authorization=Bearer {token}")],
        [("X-Access-Token", token), ("Proxy-Authorization", f"Bearer {token}")],
        [],
    ]
    for headers in bad:
        assert line.ask("GET", "/v1/me", headers).problem["code"] == "not-signed-in"
        assert line.ask("GET", f"/v1/me?access_token={token}", headers).status == 401
        body = json.dumps({"access_token": token, "display_name": "wisteria"}).encode()
        json_ = [*headers, ("Content-Type", "application/json")]
        assert line.ask("PATCH", f"/v1/me?access_token={token}", json_, body).status == 401


def test_a_token_that_was_believed_ends_with_its_time(alice: Person) -> None:
    assert alice.client.get("/v1/me").status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=590), tick=True):
        assert alice.client.get("/v1/me").status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=600), tick=True):
        assert alice.client.get("/v1/me").status_code == 401


def test_more_tokens_than_are_remembered_are_all_believed(
    server: Server, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "CACHED", 1)
    for person in (alice, bob, alice, bob):
        assert person.client.get("/v1/me").json()["id"] == str(person.id)
    assert server.anyone.get("/v1/me").status_code == 401
