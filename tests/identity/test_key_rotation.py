"""Key rotation: no valid client is refused, and concurrent operators do not undo each other's changes."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from app.keyring import Keyring, KeyringError
from app.keyring.rotation import retire, rotate
from tests.parallel import at_once
from tests.serving import Server
from tests.waiting import later, wait_until


def test_no_valid_client_gets_401_during_a_rotation(own_server: Server, path: Path) -> None:
    person = own_server.person()
    seen = {Keyring(path).current.kid}
    for rotation in range(3):
        with later(seconds=10 * rotation + 10):
            seen.add(rotate(path, access_seconds=600))
        wait_until(lambda: own_server.services.keyring.current.kid in seen - {Keyring(path).keys[0].kid})
        newcomer = own_server.person()
        for client in (person.client, newcomer.client):
            assert client.get("/v1/me").status_code == 200
    assert sorted(key.state for key in Keyring(path).keys) == ["current", "next", "retired", "retired", "retired"]
    with later(seconds=700):
        wait_until(lambda: len(own_server.services.keyring.verification_keys) == 2)
        rotate(path, access_seconds=600)
        assert sorted(key.state for key in Keyring(path).keys) == ["current", "next", "retired"]


def test_retiring_leaves_a_current_and_a_next_key(path: Path) -> None:
    signing, coming = (key.kid for key in Keyring(path).keys)
    assert retire(path, coming) == signing
    assert retire(path, coming) == signing
    assert [key.state for key in Keyring(path).keys] == ["current", "retired", "next"]
    with pytest.raises(KeyringError):
        retire(path, "wisteria")
    content = json.loads(path.read_bytes())
    path.write_bytes(json.dumps(content | {"keys": content["keys"][:1]}).encode())
    with later(seconds=2):
        assert rotate(path, access_seconds=600) != signing
    assert sorted(key.state for key in Keyring(path).keys) == ["current", "next", "retired"]


def test_a_next_key_that_is_too_new_for_all_workers_is_not_promoted(path: Path) -> None:
    begin = path.read_bytes()
    for seconds in (0, 1.9):
        with later(seconds=seconds), pytest.raises(KeyringError):
            rotate(path, access_seconds=600)
    assert path.read_bytes() == begin
    by_hand = json.loads(begin)
    for member in by_hand["keys"]:
        del member["created_at"], member["until"], member["kid"]
    path.write_bytes(json.dumps(by_hand).encode())
    assert rotate(path, access_seconds=600) == json.loads(begin)["keys"][1]["kid"]
    with pytest.raises(KeyringError):
        rotate(path, access_seconds=600)


def test_one_of_several_concurrent_rotations_is_executed(path: Path) -> None:
    signing, coming = Keyring(path).keys

    def turn(_: int) -> str | None:
        with suppress(KeyringError):
            return rotate(path, access_seconds=600)
        return None

    with later(seconds=2, tick=False):
        assert sorted(at_once(turn), key=str) == sorted([coming.kid, *[None] * 7], key=str)
    after = {key.kid: key.state for key in Keyring(path).keys}
    assert (after.pop(signing.kid), after.pop(coming.kid), *after.values()) == ("retired", "current", "next")


def test_concurrent_retirements_are_all_kept(path: Path) -> None:
    for rotation in range(1, 6):
        with later(seconds=3 * rotation):
            rotate(path, access_seconds=600)
    kids = [key.kid for key in Keyring(path).keys]
    at_once(lambda device: retire(path, kids[device]), len(kids))
    after = {key.kid: key for key in Keyring(path).keys}
    assert all(after[kid].state == "retired" and after[kid].until is None for kid in kids)
    assert sorted(key.state for kid, key in after.items() if kid not in kids) == ["current", "next"]
