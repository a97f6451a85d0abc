"""Access tokens: only valid tokens of this server are accepted; every other one is answered with 401."""

import json
from collections.abc import Callable

import jwt
import pytest
import time_machine

from app.identity import tokens
from tests.hostile.raw import Header, RawConnection
from tests.identity.bad_tokens import BAD, LONGEST, of_length
from tests.identity.tokens import Forge, Make
from tests.serving import Person, Server
from tests.waiting import later

CARRIERS: dict[str, Callable[[str], list[Header]]] = {
    "nowhere else": lambda _: [],
    "two headers": lambda token: [("Authorization", f"Bearer {token}")] * 2,
    "two headers, of two schemes": lambda token: [
        ("Authorization", f"Bearer {token}"),
        ("Authorization", "Basic YTpi"),
    ],
    "two headers, the first wrong": lambda token: [
        ("Authorization", "Bearer a.b.c"),
        ("Authorization", f"Bearer {token}"),
    ],
    "two in one header": lambda token: [("Authorization", f"Bearer {token}, Bearer {token}")],
    "no scheme": lambda token: [("Authorization", token)],
    "two spaces": lambda token: [("Authorization", f"Bearer  {token}")],
    "a tab": lambda token: [("Authorization", f"Bearer\t{token}")],
    "the scheme Token": lambda token: [("Authorization", f"Token {token}")],
    "the scheme DPoP": lambda token: [("Authorization", f"DPoP {token}")],
    "the scheme alone": lambda _: [("Authorization", "Bearer")],
    "an empty header": lambda _: [("Authorization", "")],
    "a cookie": lambda token: [("Cookie", f"access_token={token}; Authorization=Bearer {token}; __Host-token={token}")],
    "headers of its own": lambda token: [("X-Access-Token", token), ("Proxy-Authorization", f"Bearer {token}")],
}
"""Where else a token could stand; each is tried along with the query and the body."""


@pytest.fixture
def forge(server: Server, alice: Person) -> Forge:
    return Forge(server, alice)


def test_another_library_verifies_our_token_by_the_published_keys(server: Server, alice: Person) -> None:
    published = server.anyone.get("/.well-known/jwks.json")
    assert published.headers["cache-control"] == "public, max-age=300"
    key = jwt.PyJWKSet.from_dict(published.json())[server.services.keyring.current.kid]
    assert set(published.json()["keys"][0]) == {"crv", "kty", "x", "y", "kid", "alg", "use"}
    settings = server.settings
    claims = jwt.decode(alice.token, key, ["ES256"], audience=settings.audience, issuer=settings.issuer)
    assert set(claims) == {"iss", "aud", "sub", "sid", "scope", "iat", "exp", "jti"}
    assert (claims["sub"], claims["scope"], claims["exp"] - claims["iat"]) == (str(alice.id), "person", 600)
    assert jwt.get_unverified_header(alice.token) == {"alg": "ES256", "typ": "at+jwt", "kid": key.key_id}
    assert str(alice.id) == alice.client.get("/v1/me").json()["id"]


@pytest.mark.parametrize(
    "make", [lambda forge: forge.signed(), lambda forge: forge.by(forge.key, "ES256")], ids=["cryptography", "PyJWT"]
)
def test_a_token_that_another_library_signs_with_our_key_is_accepted(server: Server, forge: Forge, make: Make) -> None:
    assert server.client(make(forge)).get("/v1/me").status_code == 200


@pytest.mark.parametrize("make", BAD.values(), ids=[name.encode("unicode_escape").decode() for name in BAD])
def test_an_invalid_token_is_401(connection: RawConnection, forge: Forge, make: Make) -> None:
    reply = connection.request("GET", "/v1/me", [("Authorization", f"Bearer {make(forge)}")])
    assert (reply.status, reply.problem["code"]) == (401, "not-signed-in")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("carry", CARRIERS.values(), ids=CARRIERS)
def test_a_token_is_accepted_only_in_a_single_authorization_header(
    connection: RawConnection, alice: Person, carry: Callable[[str], list[Header]]
) -> None:
    headers = carry(alice.token)
    reply = connection.request("GET", "/v1/me", headers)
    assert (reply.status, reply.problem["code"]) == (401, "not-signed-in")
    assert connection.request("GET", f"/v1/me?access_token={alice.token}", headers).status == 401
    as_json = json.dumps({"access_token": alice.token, "display_name": "wisteria"}).encode()
    assert (
        connection.request("PATCH", "/v1/me", [*headers, ("Content-Type", "application/json")], as_json).status == 401
    )
    form = [*headers, ("Content-Type", "application/x-www-form-urlencoded")]
    assert connection.request("POST", "/v1/auth/logout", form, f"access_token={alice.token}".encode()).status == 401
    assert connection.request("GET", "/v1/me", [("authorization", f"bearer {alice.token}")]).status == 200


@pytest.mark.parametrize(("seconds", "status"), [(-0.001, 200), (0, 401)], ids=["before", "at exp"])
@pytest.mark.parametrize("is_known", [False, True], ids=["new token", "known token"])
def test_a_token_ends_exactly_at_exp(forge: Forge, *, seconds: float, status: int, is_known: bool) -> None:
    assert forge.person.client.get("/v1/me").status_code == 200
    token = forge.person.token if is_known else forge.signed()
    with time_machine.travel(forge.claims["exp"] + seconds, tick=False):
        assert forge.server.client(token).get("/v1/me").status_code == status


@pytest.mark.parametrize(("ahead", "status"), [(0, 200), (0.05, 200), (1, 200), (5, 200), (5.001, 401), (60, 401)])
def test_a_token_of_a_host_whose_clock_is_ahead_is_accepted_for_five_seconds(
    forge: Forge, ahead: float, status: int
) -> None:
    with time_machine.travel(forge.claims["iat"] - ahead, tick=False):
        for token in (forge.signed(), forge.person.token):
            assert forge.server.client(token).get("/v1/me").status_code == status


def test_the_leeway_for_clocks_does_not_lengthen_a_token(forge: Forge) -> None:
    issued, ends = forge.claims["iat"], forge.claims["exp"]
    with time_machine.travel(issued - 5, tick=False):
        assert forge.server.client(forge.signed(exp=ends + 1)).get("/v1/me").status_code == 401
        assert forge.server.client(forge.signed()).get("/v1/me").status_code == 200
    with time_machine.travel(ends, tick=False):
        assert forge.server.client(forge.signed()).get("/v1/me").status_code == 401


def test_the_longest_token_is_accepted(forge: Forge) -> None:
    token = of_length(forge, LONGEST)
    assert len(token) == LONGEST
    assert forge.server.client(token).get("/v1/me").status_code == 200


def test_a_token_that_was_accepted_ends_at_its_expiry(alice: Person) -> None:
    assert alice.client.get("/v1/me").status_code == 200
    with later(seconds=590):
        assert alice.client.get("/v1/me").status_code == 200
    with later(seconds=600):
        assert alice.client.get("/v1/me").status_code == 401


def test_more_tokens_than_the_cache_holds_are_all_accepted(
    server: Server, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MAX_CACHED_TOKENS", 1)
    for person in (alice, bob, alice, bob):
        assert person.client.get("/v1/me").json()["id"] == str(person.id)
    assert server.anyone.get("/v1/me").status_code == 401
