"""The keyring: the keys that sign access tokens, the secret that other keys are derived from, and key rotation.

The package imports nothing of the server, so that the commands that manage keys start quickly.
"""

from app.keyring.keyring import Keyring, KeyringError, exposed

__all__ = [
    "Keyring",
    "KeyringError",
    "exposed",
]
