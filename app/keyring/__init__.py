"""The keyring: what signs access tokens, the secret that everything else derives from, and how keys come and go.

It knows nobody, so that a process may look after it without loading what serves people.
"""

from app.keyring.keyring import Keyring, KeyringError

__all__ = [
    "Keyring",
    "KeyringError",
]
