"""AES-256-GCM (NIST SP 800-38D) in one format: a random nonce, the ciphertext, and the tag."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
NOT_DECRYPTED: Final = (InvalidTag, ValueError)
"""The exceptions of `Cipher.decrypt_parts` if the key or `bound_to` is wrong, or the ciphertext was changed."""


class UnreadableError(Exception):
    """Decryption failed: the content was sealed with another key or another `bound_to`, or was changed."""


class Cipher:
    """Encrypts and decrypts with one key."""

    __slots__ = ("_aead", "decrypt_parts")

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes."""
        self._aead = AESGCM(key)
        self.decrypt_parts = self._aead.decrypt
        """Decrypts: takes the nonce, the ciphertext with its tag, and `bound_to`, and returns the content.

        For many rows it is faster than `decrypt`, because it saves a call for each.
        """

    def encrypt(self, content: bytes, bound_to: bytes) -> bytes:
        """Return the nonce, the ciphertext and the tag. Decryption needs the same `bound_to`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, content, bound_to)

    def decrypt(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Return the content of a value that `encrypt` returned.

        Raise `UnreadableError` if it was encrypted with another key or another `bound_to`, or was changed.
        """
        try:
            return self.decrypt_parts(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except NOT_DECRYPTED:
            raise UnreadableError from None
