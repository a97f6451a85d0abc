"""Secrets and signatures of webhooks, as Standard Webhooks describes them (HMAC-SHA256, version 1)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

SECRET_BYTES: Final = 32
PREFIX: Final = "whsec_"


def new_secret() -> bytes:
    """Return a new random secret."""
    return secrets.token_bytes(SECRET_BYTES)


def show(secret: bytes) -> str:
    """Return a secret as text in the form of Standard Webhooks: `whsec_` and Base64."""
    return PREFIX + base64.b64encode(secret).decode()


def headers(keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a message: its id, the time of the attempt, and a signature with each of `keys`.

    `timestamp` is the time of the attempt in seconds since 1970.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
