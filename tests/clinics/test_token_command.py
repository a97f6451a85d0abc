"""`afterglow clinic token`: requests an access token from a running server, and prints it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from app.clinics.administration import KeySource
from app.db import Row
from tests.clinics.clients import SCOPES, add_client, end_client
from tests.clinics.keys import PrivateKey, ec_key, private_jwk, public_jwk, rsa_key
from tests.house.commands import Result, afterglow, assert_fails
from tests.house.starting import free_port
from tests.outbound.receiver import document, receiving
from tests.serving import Server

pytestmark = pytest.mark.usefixtures("empty_folder")
NO_ID = "019aa2c4-7b00-7000-8000-000000000000"
FILE = Path("key")
Run = Callable[..., Result]


def pem(key: PrivateKey | ed25519.Ed25519PrivateKey, *, password: bytes | None = None) -> str:
    """Return a private key in PEM format."""
    encryption: serialization.KeySerializationEncryption = (
        serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


@pytest.fixture
def client(server: Server) -> Row:
    return add_client(server)


@pytest.fixture
def run(server: Server, client: Row) -> Run:
    """Run the command for a client with the content of a key file, against the server."""

    def command(content: str, *arguments: str, id: object = None) -> Result:
        FILE.write_text(content, encoding="utf-8")
        url = str(server.settings.database_url)
        words = arguments if "--url" in arguments else (*arguments, "--url", server.url)
        return afterglow("clinic", "token", str(id or client["id"]), "--key", str(FILE), *words, database_url=url)

    return command


FILES: dict[str, Callable[[], str]] = {
    "RSA as PEM": lambda: pem(rsa_key()),
    "EC as PEM": lambda: pem(ec_key()),
    "RSA as JWK": lambda: json.dumps(private_jwk(rsa_key(), "rsa")),
    "EC as JWK": lambda: json.dumps(private_jwk(ec_key(), "ec")),
    "EC as JWK without a kid": lambda: json.dumps({**private_jwk(ec_key()), "kid": None}),
}


@pytest.mark.parametrize("case", FILES)
def test_a_token_is_requested_and_printed(server: Server, run: Run, case: str) -> None:
    result = run(FILES[case]())
    assert (result.status, result.err) == (0, "")
    assert server.client(result.out.strip()).get("/v1/me").status_code == 403  # authenticated, and no person


def test_the_response_is_printed_as_json_with_the_wanted_scopes(run: Run) -> None:
    granted: dict[str, Any] = json.loads(run(pem(ec_key()), "--json", "--scope", "system/Goal.rs").out)
    assert jwt.decode(granted.pop("access_token"), options={"verify_signature": False})["scope"] == "system/Goal.rs"
    assert granted == {"token_type": "Bearer", "expires_in": 300, "scope": "system/Goal.rs"}
    assert json.loads(run(pem(ec_key()), "--json").out)["scope"] == SCOPES


WRONG_FILES: dict[str, tuple[Callable[[], str], str]] = {
    "empty": (lambda: "", r"it is not a private key \(RSA, or EC on the curve P-384\) in PEM format or as a JWK"),
    "text": (lambda: "wisteria", "it is not a private key .+"),
    "no JSON": (lambda: '{"kty": ', "it is neither a private key in PEM format nor a JWK"),
    "nested JSON": (lambda: '{"a":' * 5000, "it is neither a private key .+"),
    "other letters": (lambda: "w\u00efsteria", "it cannot be read"),
    "a public key": (lambda: json.dumps(public_jwk(ec_key(), "ec")), "it is not a private key .+"),
    "an encrypted key": (lambda: pem(ec_key(), password=b"wisteria"), "it is not a private key .+"),
    "another curve": (lambda: pem(ec_key(ec.SECP256R1)), "it is not a private key .+"),
    "another kind of key": (lambda: pem(ed25519.Ed25519PrivateKey.generate()), "it is not a private key .+"),
    "another key": (
        lambda: pem(ec_key(number=7)),
        r"the client has not registered this key \(see `afterglow clinic client keys [0-9a-f-]{36}`\)",
    ),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_file_without_the_clients_private_key_is_refused(run: Run, case: str) -> None:
    make, reason = WRONG_FILES[case]
    assert_fails(run(make()), f"key(:)? {reason.removeprefix('it ') if case == 'other letters' else reason}")


def test_a_missing_file_and_an_unknown_client_are_refused(server: Server, run: Run, client: Row) -> None:
    url = str(server.settings.database_url)
    result = afterglow("clinic", "token", str(client["id"]), "--key", "none", "--url", server.url, database_url=url)
    assert_fails(result, "none cannot be read")
    assert_fails(run(pem(ec_key()), id=NO_ID), f"no client has the id {NO_ID}")


def test_a_client_with_a_url_needs_the_kid_of_its_key(server: Server, run: Run) -> None:
    with receiving() as receiver:
        receiver.reply = [document(json.dumps({"keys": [public_jwk(ec_key(), "there")]}).encode())]
        client = add_client(server, KeySource(None, f"http://127.0.0.1:{receiver.port}/keys"))
        assert run(json.dumps(private_jwk(ec_key(), "there")), id=client["id"]).status == 0
        refused = run(pem(ec_key()), id=client["id"])
    assert_fails(refused, "key: the client's keys are at a URL; give the key as a JWK with the kid that it has there")


def test_the_reason_of_a_refusal_is_shown(server: Server, run: Run, client: Row) -> None:
    scope = run(pem(ec_key()), "--scope", "system/Task.rs")
    assert_fails(
        scope, rf"{server.url} refused the request \(400\): None of these scopes is registered for the client\."
    )
    end_client(server, client)
    assert_fails(run(pem(ec_key())), rf"{server.url} refused the request \(401\): The assertion does not .+")


def test_a_url_that_is_not_the_servers_is_refused(run: Run) -> None:
    with receiving() as receiver:
        url = f"http://127.0.0.1:{receiver.port}"
        receiver.reply = [document(b"wisteria", status="502 Bad Gateway")]
        answer = r"refused the request \(502\): the response is not one of this API; perhaps a proxy sent it"
        assert_fails(run(pem(ec_key()), "--url", url), f"{url} {answer}")
        receiver.reply = [document(b"wisteria")]
        assert_fails(run(pem(ec_key()), "--url", f"{url}/"), f"no server answers at {url}/: start it, or .+ with --url")
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert_fails(run(pem(ec_key()), "--url", nowhere), f"no server answers at {nowhere}: start it, .+")
    assert_fails(run(pem(ec_key()), "--url", "file:///etc/passwd"), "the URL must begin with https:// or http://")


def test_without_a_url_the_issuer_or_this_machine_is_asked(server: Server, client: Row) -> None:
    FILE.write_text(pem(ec_key()))
    words, url = ["clinic", "token", str(client["id"]), "--key", str(FILE)], str(server.settings.database_url)
    issuer = f"http://127.0.0.1:{free_port()}"
    assert_fails(afterglow(*words, database_url=url, issuer=issuer), f"no server answers at {issuer}: .+")
    result = afterglow(*words, database_url=url, root_path="/wisteria")
    assert "http://127.0.0.1:8000/wisteria" in result.err
