"""The keyring: one file with the server's keys.

It has the signing keys, which sign access tokens, the key-encryption keys, and a secret from which further keys are
derived.

The file has mode 600. Every process reads it again within two seconds of a change, so that several workers and hosts
can share one file. If the changed file cannot be read, the keys that were read before stay in use, and an error is
logged. An error is also logged if other users can read or change the file.

In development, the first start creates the file. In production, `afterglow keys create` has to create it: the server
refuses to start with a file that a start in development created.
"""

import base64
import hashlib
import hmac
import os
import stat
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.exceptions import UnsupportedAlgorithm

from app import clock, observability
from app.keyring.keys import Key, SealingKey, State, thumbprint

MIN_SECRET_BYTES: Final = 32
SEALING_KEY_BYTES: Final = 32
_CHECK_SECONDS: Final = 1.0
_REPORT_SECONDS: Final = 60.0
_OTHERS_MODE: Final = stat.S_IRWXG | stat.S_IRWXO


class KeyringError(Exception):
    """Raised if the keyring cannot be used. The message says why, and contains the path, but no key and no secret."""


class Keyring:
    """The keys and the secret in a keyring file. The properties first read the file again if it has changed."""

    def __init__(self, path: Path) -> None:
        """Read the file; raise `KeyringError` if it is not a usable keyring."""
        self._path = path
        self._checked_at = 0.0
        self._file_stamp: tuple[int, int, int] | None = None
        self._reported_at = 0.0
        self.file_error: str | None = None
        """The log event about the file's current problem: `keyring-unreadable`, `keyring-exposed`, or None."""
        self._read()

    def derive_key(self, purpose: str) -> bytes:
        """Return a 32-byte key for one purpose, which is derived from the keyring's secret (HMAC-SHA-256)."""
        return hmac.digest(self.secret, purpose.encode(), hashlib.sha256)

    @property
    def current(self) -> Key:
        """The key that signs new tokens."""
        self._refresh()
        return self._current

    @property
    def verification_keys(self) -> dict[str, Key]:
        """The signing keys whose tokens are accepted, by key id (`kid`)."""
        self._refresh()
        return self._verification_keys

    @property
    def sealing_keys(self) -> dict[str, SealingKey]:
        """The key-encryption keys, by id."""
        self._refresh()
        return self._sealing_keys

    @property
    def sealing_key(self) -> SealingKey:
        """The key-encryption key that wraps new data keys; raise `KeyringError` if there is none.

        Keyrings that an older release created have no key-encryption key.
        """
        for key in self.sealing_keys.values():
            if key.state is State.CURRENT:
                return key
        message = f"AFTERGLOW_KEYRING names {self._path}, which has no key-encryption key yet: run `afterglow keys rotate-sealing`"
        raise KeyringError(message)

    @property
    def has_ended_sealing_keys(self) -> bool:
        """Whether there are retired key-encryption keys whose retention time has ended."""
        now = clock.now()
        return any(key.until is not None and key.until <= now for key in self.sealing_keys.values())

    def reload(self) -> None:
        """Check the file now, even if it was just checked, and read it if it has changed.

        Call it if a key is missing, which may have just been added. If the file cannot be read, keep the former keys
        and log an error.
        """
        self._checked_at = 0.0
        self._refresh()

    def check(self) -> None:
        """Read the file if it has changed. Log an error if it is unreadable, or other users can read or change it."""
        self._refresh()

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._checked_at > _CHECK_SECONDS:
            self._checked_at = now
            self._verification_keys = self._accepted()
            try:
                if _stamp(self._path.stat()) != self._file_stamp:
                    self._read()
            except (OSError, KeyringError) as error:  # the keys that were read before stay in use
                self._report("keyring-unreadable", now, error=type(error).__name__)
            else:
                self._report(None if self.is_private else "keyring-exposed", now)

    def _report(self, event: str | None, now: float, **fields: object) -> None:
        """Store the current problem of the file. Log a problem when it begins, and then once a minute."""
        is_due = event != self.file_error or now - self._reported_at > _REPORT_SECONDS
        self.file_error = event
        if event is not None and is_due:
            self._reported_at = now
            observability.log_event(event, "error", **fields)

    def _accepted(self) -> dict[str, Key]:
        now = clock.now()
        return {key.kid: key for key in self.keys if key.is_accepted(now)}

    def _read(self) -> None:
        try:
            status = self._path.stat()
            content: dict[str, Any] = orjson.loads(self._path.read_bytes())
            keys = [_parsed_key(each) for each in content["keys"]]
            secret = base64.b64decode(content["secret"])
            current = next(key for key in keys if key.state is State.CURRENT)
            sealing_keys = [_parsed_sealing_key(each) for each in content.get("sealing", [])]
        except FileNotFoundError:
            message = (
                f"AFTERGLOW_KEYRING names {self._path}, which does not exist: run `afterglow keys create {self._path}`"
            )
            raise KeyringError(message) from None
        except IsADirectoryError:
            message = f"AFTERGLOW_KEYRING names {self._path}, which is a folder: name a file in it"
            raise KeyringError(message) from None
        except OSError as error:
            message = (
                f"AFTERGLOW_KEYRING names {self._path}, which this user cannot read ({error.strerror}): check its owner"
            )
            raise KeyringError(message) from None
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration, UnsupportedAlgorithm):
            message = f"AFTERGLOW_KEYRING names {self._path}, which is not a keyring: restore it from your secret store"
            raise KeyringError(message) from None
        if len(secret) < MIN_SECRET_BYTES:
            message = f"AFTERGLOW_KEYRING names {self._path}, whose secret is too short: create another keyring"
            raise KeyringError(message)
        self.secret = secret
        self.generated = bool(content.get("generated"))
        self.is_private = not status.st_mode & _OTHERS_MODE
        self.keys = keys
        self._sealing_keys = {key.id: key for key in sealing_keys}
        self._current = current
        self._verification_keys = self._accepted()
        self._file_stamp = _stamp(status)


def exposed_message(path: Path) -> str:
    """Return the error message about a keyring that other users can read or change."""
    return f"AFTERGLOW_KEYRING names {path}, which others can read or change: run `chmod 600 {path}`"


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    """Return values that show whether the content or the mode of a file has changed."""
    return status.st_mtime_ns, status.st_ino, status.st_mode


def _parsed_key(member: dict[str, Any]) -> Key:
    return Key(thumbprint(member["pem"]), State(member["state"]), member["pem"], _until(member))


def _parsed_sealing_key(member: dict[str, Any]) -> SealingKey:
    key = base64.b64decode(member["key"])
    if len(key) != SEALING_KEY_BYTES:
        raise ValueError
    return SealingKey(member["id"], State(member["state"]), key, _until(member))


def _until(member: dict[str, Any]) -> datetime | None:
    until = member.get("until")
    return None if until is None else datetime.fromisoformat(until)
