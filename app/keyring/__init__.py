"""The keyring: a file with the server's keys and secret, and the rotation of the keys; the ledger of erasures.

The package imports nothing of the server, so that the commands that manage keys start quickly.
"""

from app.keyring.keyring import Keyring, KeyringError, exposed_message

__all__ = [
    "Keyring",
    "KeyringError",
    "exposed_message",
]
