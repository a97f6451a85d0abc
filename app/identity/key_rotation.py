"""Keys come and go without costing an honest client a 401.

Every keyring has a `next` key that all workers know already. A rotation lets it sign, keeps believing the old one until
the last token of it has ended, and publishes a new next one. In an emergency a key is retired at once: within two
seconds no worker believes a token of it.
"""

import base64
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from app import clock
from app.identity.keyring import SHORTEST_SECRET, Keyring, KeyringError
from app.identity.keys import State, new_pem, thumbprint

_SECONDS_OF_GRACE: Final = 60
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
    """Let the next key sign, and publish another; return the kid that signs now."""
    content = _read(path)
    now = clock.now()
    until = clock.spelled(now + timedelta(seconds=access_seconds + _SECONDS_OF_GRACE))
    content["keys"] = [
        each for each in content["keys"] if each["state"] != State.RETIRED or (each["until"] or "") > clock.spelled(now)
    ]
    for each in content["keys"]:
        if each["state"] == State.CURRENT:
            each |= {"state": State.RETIRED, "until": until}
    return _promote(path, content)


def retire(path: Path, kid: str) -> str:
    """Stop believing a key at once; return the kid that signs now. Raise `KeyringError` where there is no such key."""
    content = _read(path)
    member = next((each for each in content["keys"] if each["kid"] == kid), None)
    if member is None:
        message = f"the keyring has no key {kid}"
        raise KeyringError(message)
    state = member["state"]
    member |= {"state": State.RETIRED, "until": None}
    if state == State.CURRENT:
        return _promote(path, content)
    if state == State.NEXT:
        content["keys"].append(_new(State.NEXT))
    _replace(path, content)
    return _signing(content)


def _promote(path: Path, content: dict[str, Any]) -> str:
    """Let the next key sign, or a new one where an old keyring has none."""
    if not any(each["state"] == State.NEXT for each in content["keys"]):
        content["keys"].append(_new(State.NEXT))
    for each in content["keys"]:
        if each["state"] == State.NEXT:
            each["state"] = State.CURRENT
    content["keys"].append(_new(State.NEXT))
    _replace(path, content)
    return _signing(content)


def _signing(content: dict[str, Any]) -> str:
    kid: str = next(each["kid"] for each in content["keys"] if each["state"] == State.CURRENT)
    return kid


def _new(state: State) -> Member:
    pem = new_pem()
    return {"kid": thumbprint(pem), "state": state, "created_at": clock.spelled(clock.now()), "until": None, "pem": pem}


def _read(path: Path) -> dict[str, Any]:
    Keyring(path)  # raises where the file is no keyring
    content: dict[str, Any] = orjson.loads(path.read_bytes())
    return content


def _replace(path: Path, content: dict[str, Any]) -> None:
    with _written(path, content) as draft:
        draft.replace(path)


@contextmanager
def _written(path: Path, content: dict[str, Any]) -> Iterator[Path]:
    """Write a file beside the keyring, for its owner alone, whole before anybody sees it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    draft.touch(0o600)
    try:
        draft.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        yield draft
    finally:
        draft.unlink(missing_ok=True)
