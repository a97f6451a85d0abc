"""The keyring: a file that only its owner can read, and whose changes reach a running server."""

import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.keyring import Keyring, KeyringError
from app.keyring import keyring as keyring_module
from app.keyring.keys import thumbprint
from app.keyring.rotation import create_keyring
from tests.serving import Server
from tests.waiting import wait_until

Json = dict[str, Any]


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def replace_file(path: Path, content: bytes) -> None:
    """Replace the file of the keyring atomically."""
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(path)


def test_only_the_owner_can_read_a_new_keyring(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keyring = Keyring(path)
    assert keyring.verification_keys == {key.kid: key for key in keyring.keys}
    assert [key.state for key in keyring.keys] == ["current", "next"]
    assert keyring.current.kid == thumbprint(keyring.current.pem)
    assert not keyring.generated
    assert len({keyring.derive_key("a"), keyring.derive_key("b"), keyring.secret}) == 3
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_one_of_many_concurrent_creations_succeeds_and_its_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    def create(_: int) -> bool:
        try:
            create_keyring(path, generated=True)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(create, range(8))) == [False] * 7 + [True]
    assert Keyring(path).generated
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208 - what is there, by name


GARBAGE: dict[str, Callable[[Json], object]] = {
    "nothing": lambda _: b"",
    "no JSON": lambda _: b"wisteria",
    "null": lambda _: None,
    "a list": lambda keyring: [keyring],
    "no keys": lambda keyring: keyring | {"keys": []},
    "no secret": lambda keyring: {"keys": keyring["keys"]},
    "a short secret": lambda keyring: keyring | {"secret": "d2lzdGVyaWE="},
    "a secret that is no text": lambda keyring: keyring | {"secret": 1},
    "no current key": lambda keyring: with_key(keyring, state="retired"),
    "an unknown state": lambda keyring: with_key(keyring, state="wisteria"),
    "no PEM": lambda keyring: with_key(keyring, pem="wisteria"),
    "a PEM that is no text": lambda keyring: with_key(keyring, pem=1),
    "an RSA key": lambda keyring: with_key(keyring, pem=pem_of(rsa.generate_private_key(65537, 2048))),
    "another curve": lambda keyring: with_key(keyring, pem=pem_of(ec.generate_private_key(ec.SECP384R1()))),
}


def with_key(keyring: Json, **members: object) -> Json:
    return keyring | {"keys": [keyring["keys"][0] | members]}


@pytest.mark.parametrize("spoil", GARBAGE.values(), ids=GARBAGE)
def test_an_invalid_keyring_is_refused_without_its_content(path: Path, spoil: Callable[[Json], object]) -> None:
    content = json.loads(path.read_bytes())
    spoiled = spoil(content)
    replace_file(path, spoiled if isinstance(spoiled, bytes) else json.dumps(spoiled).encode())
    with pytest.raises(KeyringError) as caught:
        Keyring(path)
    assert "AFTERGLOW_KEYRING" in str(caught.value)
    assert content["secret"] not in str(caught.value)
    assert "wisteria" not in str(caught.value)


def test_a_missing_keyring_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyringError):
        Keyring(tmp_path / "keys.json")


def test_a_rotation_reaches_a_running_server_and_a_retired_key_is_refused(own_server: Server, path: Path) -> None:
    old = own_server.person()
    assert old.client.get("/v1/me").status_code == 200
    content = json.loads(path.read_bytes())
    first = content["keys"][0]
    fresh = {"state": "current", "pem": pem_of(ec.generate_private_key(ec.SECP256R1())), "kid": ""}
    for state, status in (("next", 200), ("retired", 401)):
        replace_file(path, json.dumps(content | {"keys": [first | {"state": state}, fresh]}).encode())
        expected = {thumbprint(fresh["pem"])} | ({first["kid"]} if status == 200 else set())
        wait_until(lambda: kids(own_server) == expected)  # noqa: B023 - called at once
        assert own_server.person().client.get("/v1/me").status_code == 200
        assert old.client.get("/v1/me").status_code == status


def kids(server: Server) -> set[str]:
    return {key["kid"] for key in server.anyone.get("/.well-known/jwks.json").json()["keys"]}


def test_a_keyring_that_is_missing_or_invalid_for_a_moment_leaves_the_old_one_active(
    own_server: Server, path: Path, every_log_line: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring_module, "_CHECK_SECONDS", -1.0)
    person = own_server.person()
    good = path.read_bytes()
    for content in (b"", good[:100], None):
        if content is None:
            path.unlink()
        else:
            replace_file(path, content)
        begin = len(every_log_line)
        assert person.client.get("/v1/me").status_code == 200
        assert any('"keyring-unreadable"' in each for each in every_log_line[begin:])
        path.write_bytes(good)
        begin = len(every_log_line)
        assert own_server.person().client.get("/v1/me").status_code == 200
        assert not any('"keyring-unreadable"' in each for each in every_log_line[begin:])
