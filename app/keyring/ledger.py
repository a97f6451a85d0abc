"""The ledger of erasures: a file beside the keyring that records which accounts were erased.

A backup from before an erasure still contains the account. After a restore, the ledger says which accounts to erase
again. It has one line for each erased account: the HMAC-SHA-256 of the account's id, which identifies nobody. An entry
is on the disk before any data of the account is deleted. The file has mode 600. A lock makes concurrent writers wait
for each other.
"""

import fcntl
import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import Final
from uuid import UUID

from app.keyring.keyring import Keyring

_ENTRY: Final = re.compile(rb"[0-9a-f]{64}").fullmatch


class LedgerError(Exception):
    """Raised if the ledger cannot be read or written. The message says why; it contains the path, but no entry."""


class Ledger:
    """The ledger of erasures in one file, to which entries can be added."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        """The file `path` need not exist yet. The entries are derived from the secret of `keyring`."""
        self.path = path
        self._key = keyring.derive_key("erasures")

    def entry(self, account_id: UUID) -> bytes:
        """Return the ledger's entry for an account: an HMAC of its id, in hexadecimal digits."""
        return hmac.digest(self._key, account_id.bytes, hashlib.sha256).hex().encode()

    def add(self, account_id: UUID) -> None:
        """Add the entry of an account, unless the ledger already has it, and wait until the entry is on the disk.

        Raise `LedgerError` if the file cannot be written.
        """
        try:
            self._add(self.entry(account_id))
        except OSError as error:
            message = f"the ledger of erasures, {self.path}, cannot be written ({error.strerror}): nothing was erased"
            raise LedgerError(message) from None

    def _add(self, entry: bytes) -> None:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = self.path.read_bytes()
            if entry not in content.splitlines():
                before = b"" if not content or content.endswith(b"\n") else b"\n"  # if a crash cut off the last entry
                os.write(file, before + entry + b"\n")
            os.fsync(file)
        finally:
            os.close(file)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def is_writable(path: Path) -> bool:
    """Return whether the user of this process can write to the ledger, or create it."""
    return os.access(path if path.exists() else path.parent, os.W_OK)


def read_entries(path: Path) -> set[bytes]:
    """Return the entries of a ledger file. Raise `LedgerError` if it cannot be read, or if a line is not an entry."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        message = f"the ledger of erasures, {path}, cannot be read ({error.strerror})"
        raise LedgerError(message) from None
    for number, line in enumerate(lines, 1):
        if _ENTRY(line) is None:
            message = (
                f"line {number} of the ledger of erasures, {path}, is damaged: restore the ledger from another "
                "copy, or delete the line if there is no copy"
            )
            raise LedgerError(message)
    return {*lines}
