"""AES-256-GCM (NIST SP 800-38D) in one format: a random nonce, the ciphertext, and the tag.

The parameter `bound_to` is the additional authenticated data: content that is encrypted with a value can be decrypted
only with the same value.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
NOT_DECRYPTED: Final = (InvalidTag, ValueError)
"""What `Cipher.decrypt_parts` raises if the key or `bound_to` is wrong, or if the ciphertext was changed."""


class UnreadableError(Exception):
    """Decryption failed: the content was encrypted with another key or `bound_to`, or the ciphertext was changed."""


class Cipher:
    """Encrypts and decrypts with one key."""

    __slots__ = ("_aead", "decrypt_parts")

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes."""
        self._aead = AESGCM(key)
        self.decrypt_parts = self._aead.decrypt
        """A function that takes the nonce, the ciphertext with its tag, and `bound_to`, and returns the content.

        It raises one of `NOT_DECRYPTED`. With many rows it is faster than `decrypt`, because it saves a call for each
        row.
        """

    def encrypt(self, content: bytes, bound_to: bytes) -> bytes:
        """Encrypt `content`; return the nonce, the ciphertext and the tag. Decryption needs the same `bound_to`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, content, bound_to)

    def decrypt(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Decrypt `sealed`, a value that `encrypt` returned, and return the content.

        Raise `UnreadableError` if the content was encrypted with another key or `bound_to`, or if `sealed` was changed.
        """
        try:
            return self.decrypt_parts(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except NOT_DECRYPTED:
            raise UnreadableError from None
