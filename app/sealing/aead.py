"""AES-256-GCM (NIST SP 800-38D) in one format: a random nonce, the ciphertext, and the tag."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16


class UnreadableError(Exception):
    """Decryption failed: the content was sealed with another key or another `bound_to`, or was changed."""


class Cipher:
    """Encrypts and decrypts with one key."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes."""
        self._aead = AESGCM(key)

    def encrypt(self, content: bytes, bound_to: bytes) -> bytes:
        """Return the nonce, the ciphertext and the tag; it decrypts only with the same `bound_to`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, content, bound_to)

    def decrypt(self, sealed: bytes, bound_to: bytes, start: int = 0) -> bytes:
        """Decrypt the bytes of `sealed` from the index `start` on.

        Raise `UnreadableError` if they were encrypted with another key or another `bound_to`, or were changed.
        """
        end = start + NONCE_BYTES
        try:
            return self._aead.decrypt(sealed[start:end], sealed[end:], bound_to)
        except (InvalidTag, ValueError):
            raise UnreadableError from None
