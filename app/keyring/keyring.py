"""The keyring: one file with the keys that sign access tokens and the secret that everything else derives from.

The file has mode 600 and is read again within two seconds of a change, so that several workers and hosts can share
one. In development it is made on the first start; production wants one that was made on purpose
(`afterglow keys create`), and refuses to start on a generated one.
"""

import base64
import hashlib
import hmac
import stat
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.exceptions import UnsupportedAlgorithm

from app import clock, observability
from app.keyring.keys import Key, State, thumbprint

SHORTEST_SECRET: Final = 32
_SECONDS_BETWEEN_LOOKS: Final = 1.0
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KeyringError(Exception):
    """The keyring cannot be used; the message says why, without any value."""


class Keyring:
    """The keys and the secret, as the file has them now."""

    def __init__(self, path: Path) -> None:
        """Read the file."""
        self._path = path
        self._looked = 0.0
        self._stamp: tuple[int, int] | None = None
        self._read()

    def derive_key(self, purpose: str) -> bytes:
        """Return 32 bytes that only this server knows, for one purpose."""
        return hmac.digest(self.secret, purpose.encode(), hashlib.sha256)

    @property
    def current(self) -> Key:
        """The key that signs."""
        self._look()
        return self._current

    @property
    def verifying(self) -> dict[str, Key]:
        """The keys whose tokens are believed, by kid."""
        self._look()
        return self._verifying

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked > _SECONDS_BETWEEN_LOOKS:
            self._looked = now
            self._verifying = self._believed()
            try:
                status = self._path.stat()
                if (status.st_mtime_ns, status.st_ino) != self._stamp:
                    self._read()
            except (OSError, KeyringError) as error:  # what was read before stays in force
                observability.log_event("keyring-unreadable", error=type(error).__name__)

    def _believed(self) -> dict[str, Key]:
        now = clock.now()
        return {key.kid: key for key in self.keys if key.is_believed(now)}

    def _read(self) -> None:
        try:
            status = self._path.stat()
            content: dict[str, Any] = orjson.loads(self._path.read_bytes())
            keys = [_key(each) for each in content["keys"]]
            secret = base64.b64decode(content["secret"])
            current = next(key for key in keys if key.state is State.CURRENT)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration, UnsupportedAlgorithm):
            message = "AFTERGLOW_KEYRING names a file that cannot be read"
            raise KeyringError(message) from None
        if len(secret) < SHORTEST_SECRET:
            message = "AFTERGLOW_KEYRING names a file whose secret is too short"
            raise KeyringError(message)
        self.secret = secret
        self.generated = bool(content.get("generated"))
        self.is_private = not status.st_mode & _OTHERS
        self.keys = keys
        self._current = current
        self._verifying = self._believed()
        self._stamp = (status.st_mtime_ns, status.st_ino)


def _key(member: dict[str, Any]) -> Key:
    until = member.get("until")
    moment = None if until is None else datetime.fromisoformat(until)
    return Key(thumbprint(member["pem"]), State(member["state"]), member["pem"], moment)
