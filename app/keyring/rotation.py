"""Creating keyrings, and rotating and revoking keys. A rotation makes no valid token invalid (decision 012).

A keyring always has a `next` signing key, so that all workers have read that key before it signs. A rotation makes the
next key the current one, accepts the old key until its last token has expired, and adds a new next key. A rotation is
refused while a worker may not have read the next key. In an emergency, a key can be revoked: within two seconds, every
worker refuses its tokens. A lock makes concurrent changes of a keyring wait for each other.
"""

import base64
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from app import clock
from app.keyring.keyring import MIN_SECRET_BYTES, SEALING_KEY_BYTES, Keyring, KeyringError
from app.keyring.keys import State, new_pem, thumbprint

PROPAGATION_SECONDS: Final = 2
"""The time after which every worker has read a changed keyring.

Before a worker uses a key, it checks the file if its last check was more than a second ago.
"""
_EXPIRY_MARGIN_SECONDS: Final = 60
_PROPAGATION: Final = timedelta(seconds=PROPAGATION_SECONDS)
Member = dict[str, Any]


def create_keyring(path: Path, *, generated: bool) -> None:
    """Write a new keyring. `generated` marks it as created by a start in development.

    Raise `FileExistsError` if the file exists. Of two processes that create it at the same time, one succeeds.
    """
    content = {
        "generated": generated,
        "secret": base64.b64encode(secrets.token_bytes(MIN_SECRET_BYTES)).decode(),
        "keys": [_new(State.CURRENT), _new(State.NEXT)],
        "sealing": [_new_sealing_key()],
    }
    with _temporary_file(path, content) as temporary:
        os.link(temporary, path)


def rotate(path: Path, access_seconds: int) -> str:
    """Make the next signing key current and add a new next key; return the kid of the new current key.

    Access tokens are valid for `access_seconds`. The old key is accepted until one minute after its last token has
    expired. Raise `KeyringError` if a worker may not have read the next key yet, because that worker would refuse the
    tokens of the next key.
    """
    with _locked_keys(path) as keys:
        now = clock.now()
        upcoming = [each for each in keys if each["state"] == State.NEXT]
        if not all(_is_propagated(each, now) for each in upcoming):
            message = (
                f"the next key is too new: not every worker has read it; rotate again in {PROPAGATION_SECONDS} seconds"
            )
            raise KeyringError(message)
        keys[:] = [each for each in keys if each["state"] != State.RETIRED or _is_accepted(each, now)]
        until = clock.format_instant(now + timedelta(seconds=access_seconds + _EXPIRY_MARGIN_SECONDS))
        for each in keys:
            if each["state"] == State.CURRENT:
                each |= {"state": State.RETIRED, "until": until}
        return _promote(keys)


def retire(path: Path, kid: str) -> str:
    """Revoke a signing key at once. If it was the current or the next key, replace it. Return the current key's kid.

    Raise `KeyringError` if the keyring has no such key.
    """
    with _locked_keys(path) as keys:
        member = next((each for each in keys if each["kid"] == kid), None)
        if member is None:
            message = f"the keyring has no key {kid}"
            raise KeyringError(message)
        state = member["state"]
        member |= {"state": State.RETIRED, "until": None}
        if state == State.CURRENT:
            return _promote(keys)
        if state == State.NEXT:
            keys.append(_new(State.NEXT))
        return str(next(each["kid"] for each in keys if each["state"] == State.CURRENT))


def add_sealing_key(path: Path, kept: timedelta) -> str:
    """Add a key-encryption key, which wraps data keys from now on; return its id.

    The former key-encryption key can still unwrap data keys, and is not destroyed before the time `kept` has passed.
    """
    with _locked_content(path) as content:
        until = clock.format_instant(clock.now() + kept)
        for each in content.setdefault("sealing", []):
            if each["state"] == State.CURRENT:
                each |= {"state": State.RETIRED, "until": until}
        content["sealing"].append(_new_sealing_key())
        return str(content["sealing"][-1]["id"])


def destroy_sealing_keys(path: Path, unused: Callable[[str], bool]) -> list[str]:
    """Destroy the retired key-encryption keys whose retention time has ended, and return their ids.

    A key is destroyed only if `unused`, called with the id of the key, returns True.
    """
    with _locked_content(path) as content:
        now = clock.now()
        ended = [
            each["id"]
            for each in content["sealing"]
            if each["state"] == State.RETIRED and not _is_accepted(each, now) and unused(each["id"])
        ]
        content["sealing"] = [each for each in content["sealing"] if each["id"] not in ended]
        return ended


def _promote(keys: list[Member]) -> str:
    """Make the next signing key current, add a new next key, and return the kid of the new current key.

    If a keyring that was made by hand has no next key, make a new key current.
    """
    promoted = next((each for each in keys if each["state"] == State.NEXT), None)
    if promoted is None:
        keys.append(promoted := _new(State.NEXT))
    promoted["state"] = State.CURRENT
    keys.append(_new(State.NEXT))
    return str(promoted["kid"])


def _is_propagated(member: Member, now: datetime) -> bool:
    """Return whether a key is so old that every worker has read it.

    A key without a creation time, or with one in the future, counts as old.
    """
    created_at = member["created_at"]
    return created_at is None or not timedelta() <= now - datetime.fromisoformat(created_at) < _PROPAGATION


def _is_accepted(member: Member, now: datetime) -> bool:
    return member["until"] is not None and datetime.fromisoformat(member["until"]) > now


def _new(state: State) -> Member:
    pem = new_pem()
    return {
        "kid": thumbprint(pem),
        "state": state,
        "created_at": clock.format_instant(clock.now()),
        "until": None,
        "pem": pem,
    }


def _new_sealing_key() -> Member:
    return {
        "id": secrets.token_hex(4),
        "state": State.CURRENT,
        "created_at": clock.format_instant(clock.now()),
        "until": None,
        "key": base64.b64encode(secrets.token_bytes(SEALING_KEY_BYTES)).decode(),
    }


@contextmanager
def _locked_keys(path: Path) -> Iterator[list[Member]]:
    """Lock a keyring, yield its signing keys to be changed, and write them at the end of the block."""
    with _locked_content(path) as content:
        defaults: Member = {"until": None, "created_at": None}
        keys = [defaults | each | {"kid": thumbprint(each["pem"])} for each in content["keys"]]
        yield keys
        content["keys"] = keys


@contextmanager
def _locked_content(path: Path) -> Iterator[dict[str, Any]]:
    """Lock a keyring, yield its content to be changed, and write it at the end of the block.

    The lock is on the folder, because the file is replaced and not edited.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        Keyring(path)  # raises if the file is not a keyring
        content: dict[str, Any] = orjson.loads(path.read_bytes())
        yield content
        with _temporary_file(path, content) as temporary:
            temporary.replace(path)
    finally:
        os.close(folder)


@contextmanager
def _temporary_file(path: Path, content: dict[str, Any]) -> Iterator[Path]:
    """Write `content` to a temporary file beside the keyring, and yield its path. Delete the file after the block.

    No other user can read the file. The caller links or renames it, so that no reader sees an incomplete keyring.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    temporary.touch(0o600)
    try:
        with temporary.open("wb") as file:
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())  # a crash leaves the old keyring or the new one
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
