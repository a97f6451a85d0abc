"""Keys come and go without costing an honest client a 401.

Every keyring has a `next` key that all workers know already. A rotation lets it sign, keeps believing the old one until
the last token of it has ended, and publishes a new next one; a next key that some worker may not have read yet is not
promoted. In an emergency a key is retired at once: within two seconds no worker believes a token of it. Of operators
who change a keyring at once, one waits for the other.
"""

import base64
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from app import clock
from app.keyring.keyring import SHORTEST_SECRET, Keyring, KeyringError
from app.keyring.keys import State, new_pem, thumbprint

SECONDS_UNTIL_KNOWN: Final = 2
"""How long after its change every worker has read a keyring; each looks once a second."""
_SECONDS_OF_GRACE: Final = 60
_UNTIL_KNOWN: Final = timedelta(seconds=SECONDS_UNTIL_KNOWN)
Member = dict[str, Any]


def create_keyring(path: Path, *, generated: bool) -> None:
    """Write a new keyring; where two starters race, the first one's file stays. Raise `FileExistsError` then."""
    content = {
        "generated": generated,
        "secret": base64.b64encode(secrets.token_bytes(SHORTEST_SECRET)).decode(),
        "keys": [_new(State.CURRENT), _new(State.NEXT)],
    }
    with _written(path, content) as draft:
        os.link(draft, path)


def rotate(path: Path, access_seconds: int) -> str:
    """Let the next key sign, and publish another; return the kid that signs now.

    Raise `KeyringError` where a worker may not know the next key yet: its tokens would be refused there.
    """
    with _changing(path) as keys:
        now = clock.now()
        coming = [each for each in keys if each["state"] == State.NEXT]
        if not all(_is_known(each, now) for each in coming):
            message = f"the next key is too new for every worker to know it; rotate {SECONDS_UNTIL_KNOWN} seconds later"
            raise KeyringError(message)
        keys[:] = [each for each in keys if each["state"] != State.RETIRED or _is_believed(each, now)]
        until = clock.format_instant(now + timedelta(seconds=access_seconds + _SECONDS_OF_GRACE))
        for each in keys:
            if each["state"] == State.CURRENT:
                each |= {"state": State.RETIRED, "until": until}
        return _promote(keys)


def retire(path: Path, kid: str) -> str:
    """Stop believing a key at once; return the kid that signs now. Raise `KeyringError` where there is no such key."""
    with _changing(path) as keys:
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


def _promote(keys: list[Member]) -> str:
    """Let the next key sign, or a new one where a keyring made by hand has none; return its kid."""
    signing = next((each for each in keys if each["state"] == State.NEXT), None)
    if signing is None:
        keys.append(signing := _new(State.NEXT))
    signing["state"] = State.CURRENT
    keys.append(_new(State.NEXT))
    return str(signing["kid"])


def _is_known(member: Member, now: datetime) -> bool:
    """Say whether every worker has had the time to read a key."""
    created_at = member["created_at"]
    return created_at is None or not timedelta() <= now - datetime.fromisoformat(created_at) < _UNTIL_KNOWN


def _is_believed(member: Member, now: datetime) -> bool:
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


@contextmanager
def _changing(path: Path) -> Iterator[list[Member]]:
    """Yield the keys of a keyring to be changed, while nobody else does, and put them in its place.

    The lock is on the folder: the file itself is not changed, but replaced.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        Keyring(path)  # raises where the file is no keyring
        content: dict[str, Any] = orjson.loads(path.read_bytes())
        unsaid: Member = {"until": None, "created_at": None}
        keys = [unsaid | each | {"kid": thumbprint(each["pem"])} for each in content["keys"]]
        yield keys
        with _written(path, content | {"keys": keys}) as draft:
            draft.replace(path)
    finally:
        os.close(folder)


@contextmanager
def _written(path: Path, content: dict[str, Any]) -> Iterator[Path]:
    """Write a file beside the keyring, for its owner alone, whole before anybody sees it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    draft.touch(0o600)
    try:
        with draft.open("wb") as file:
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())  # a crash leaves the old keyring or the new one
        yield draft
    finally:
        draft.unlink(missing_ok=True)
