"""Client assertions: a valid one gets a token once, and every other one is refused with an OAuth error."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx2 as httpx
import jwt
import pytest
import sqlalchemy as sa
import time_machine

from app import clock
from app.clinics.tables import AssertionRecord
from app.db import Statement, bind
from tests.clinics.bad_assertions import UNVERIFIED, VERIFIED
from tests.clinics.clients import SCOPES, Assertions, add_client, end_client, end_clinic, request_token
from tests.clinics.keys import PrivateKey, ec_key, rsa_key
from tests.conftest import Servers
from tests.house.commands import afterglow
from tests.serving import Server

_assertion = AssertionRecord.table()
_COUNT = Statement(sa.select(sa.func.count().label("count")).select_from(_assertion))
_EXPIRE = Statement(sa.update(_assertion).values(expires_at=bind(_assertion.c.expires_at)))
SIGNERS: dict[str, tuple[Callable[[], PrivateKey], str, str]] = {
    "RS384": (rsa_key, "RS384", "rsa"),
    "ES384": (ec_key, "ES384", "ec"),
}


@pytest.fixture
def assertions(server: Server) -> Assertions:
    return Assertions(server.url, add_client(server))


def used(server: Server) -> int:
    return int(server.run(server.db.only(_COUNT))["count"])


def assert_unverified(response: httpx.Response) -> None:
    """Check that a refusal says nothing of the reason."""
    assert (response.status_code, response.headers["content-type"]) == (401, "application/json")
    assert response.content == (
        b'{"error":"invalid_client","error_description":"The assertion does not authenticate a client. '
        b'Check its form, its client id, key and signature."}'
    )


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a_valid_assertion_gets_a_token(server: Server, assertions: Assertions, algorithm: str) -> None:
    key, name, kid = SIGNERS[algorithm]
    response = request_token(server, assertions.by(key(), name, kid))
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    granted = response.json()
    token = granted.pop("access_token")
    assert granted == {"token_type": "Bearer", "expires_in": 300, "scope": SCOPES}
    public = jwt.PyJWKSet.from_dict(server.anyone.get("/.well-known/jwks.json").json())
    kid = server.services.keyring.current.kid
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    settings = server.settings
    claims = jwt.decode(token, public[kid], ["ES256"], audience=settings.audience, issuer=settings.issuer)
    assert set(claims) == {"iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti"}
    assert (claims["sub"], claims["client_id"], claims["scope"]) == (assertions.id, assertions.id, SCOPES)
    assert claims["exp"] - claims["iat"] == 300


ACCEPTED: dict[str, Callable[[Assertions], str]] = {
    "typ JWT": lambda a: a.headed(typ="JWT"),
    "the issuer as aud": lambda a: a.valid(aud=a.url),
    "the configured issuer as aud": lambda a: a.valid(aud="https://afterglow.invalid"),
    "a list of one aud": lambda a: a.valid(aud=[a.endpoint]),
    "nbf and iat": lambda a: a.valid(nbf=int(time.time()), iat=int(time.time())),
    "nbf and iat 3 seconds ahead": lambda a: a.valid(nbf=int(time.time()) + 3, iat=time.time() + 3),
    "exp in 300 seconds": lambda a: a.valid(exp=int(time.time()) + 300),
    "a jti of 200 characters": lambda a: a.valid(jti="\u00e9" * 200),
    "other claims": lambda a: a.valid(extensions={"a": [1]}, sid="x", scope="y"),
    "no blank in the JSON": lambda a: a.signed(),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_the_rules_allow_is_accepted(server: Server, case: str) -> None:
    assertions = Assertions(server.url, add_client(server))
    assert request_token(server, ACCEPTED[case](assertions)).status_code == 200


@pytest.mark.parametrize("case", [name.encode("unicode_escape").decode() for name in UNVERIFIED])
def test_before_the_signature_is_verified_every_refusal_is_the_same(
    server: Server, assertions: Assertions, case: str
) -> None:
    before = used(server)
    make = {name.encode("unicode_escape").decode(): make for name, make in UNVERIFIED.items()}[case]
    assert_unverified(request_token(server, make(assertions)))
    assert used(server) == before


@pytest.mark.parametrize("case", VERIFIED)
def test_after_the_signature_is_verified_the_broken_rule_is_named(
    server: Server, assertions: Assertions, case: str
) -> None:
    before = used(server)
    make, rule = VERIFIED[case]
    response = request_token(server, make(assertions))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert response.json()["error_description"].startswith(rule)
    assert used(server) == before


def test_there_are_at_least_sixty_invalid_assertions() -> None:
    assert len(UNVERIFIED) + len(VERIFIED) >= 60


@pytest.mark.parametrize("end", [end_client, end_clinic], ids=["client", "clinic"])
def test_an_ended_client_gets_no_token(
    server: Server, assertions: Assertions, end: Callable[[Server, dict[str, object]], None]
) -> None:
    assert request_token(server, assertions.valid()).status_code == 200
    end(server, assertions.client)
    assert_unverified(request_token(server, assertions.valid()))


def test_the_client_id_of_the_request_must_be_the_assertions(server: Server, assertions: Assertions) -> None:
    assert request_token(server, assertions.valid(), client_id=assertions.id).status_code == 200
    for other in (Assertions(server.url, add_client(server)).id, assertions.id.upper(), "wisteria"):
        response = request_token(server, assertions.valid(), client_id=other)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
        assert response.json()["error_description"].startswith("iss and sub must both be the client_id")


def test_an_assertion_ends_exactly_at_exp(server: Server, assertions: Assertions) -> None:
    ends = int(time.time()) + 60
    for moment, status in ((ends - 0.001, 200), (ends, 401)):
        with time_machine.travel(moment, tick=False):
            assert request_token(server, assertions.valid(exp=ends)).status_code == status


def test_an_assertion_is_valid_once(server: Server, assertions: Assertions) -> None:
    assertion = assertions.valid()
    assert request_token(server, assertion).status_code == 200
    response = request_token(server, assertion)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert response.json()["error_description"].startswith("The assertion was used before")
    again = assertions.valid(jti=jwt.decode(assertion, options={"verify_signature": False})["jti"], nbf=0)
    assert request_token(server, again).json() == response.json()
    other = Assertions(server.url, add_client(server))
    assert request_token(server, other.valid(jti="wisteria")).status_code == 200
    assert request_token(server, assertions.valid(jti="wisteria")).status_code == 200


@pytest.fixture
def limited(servers: Servers, database: str) -> Iterator[Server]:
    server = servers.start(servers.settings(database, throttle_client=20, throttle_tokens=3))
    yield server
    server.end_test()


def test_failures_are_limited_by_network_and_tokens_by_client(limited: Server) -> None:
    assertions, other = (Assertions(limited.url, add_client(limited)) for _ in range(2))
    for _ in range(3):
        assert request_token(limited, assertions.valid()).status_code == 200
    refused_assertion = assertions.valid()
    refused = request_token(limited, refused_assertion)
    assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert request_token(limited, other.valid()).status_code == 200
    for number in range(20):
        response = request_token(limited, other.signed(sub="wisteria") if number % 2 else "wisteria")
        assert response.status_code == 401
    response = request_token(limited, other.valid())
    assert (response.status_code, response.json()["error"]) == (429, "temporarily_unavailable")
    with time_machine.travel(time.time() + 61):
        assert request_token(limited, other.valid()).status_code == 200
        assert request_token(limited, assertions.valid()).status_code == 200


def test_an_assertion_that_was_refused_by_the_limit_can_be_sent_again(limited: Server) -> None:
    assertions = Assertions(limited.url, add_client(limited))
    held = assertions.valid(exp=int(time.time()) + 200)
    for _ in range(3):
        assert request_token(limited, assertions.valid()).status_code == 200
    assert request_token(limited, held).status_code == 429
    with time_machine.travel(time.time() + 61):
        assert request_token(limited, held).status_code == 200


@pytest.mark.usefixtures("empty_folder")
def test_a_purge_deletes_used_assertions_once_they_have_expired(server: Server, assertions: Assertions) -> None:
    database_url = str(server.settings.database_url)
    for expires_at, left in ((clock.now() + timedelta(seconds=60), 1), (clock.now(), 0)):
        server.run(server.db.run(_EXPIRE, expires_at=clock.now()))
        afterglow("purge", database_url=database_url)
        assert request_token(server, assertions.valid()).status_code == 200
        server.run(server.db.run(_EXPIRE, expires_at=expires_at))
        assert afterglow("purge", database_url=database_url).status == 0
        assert used(server) == left
