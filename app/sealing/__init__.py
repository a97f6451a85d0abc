"""Sealing: what a person writes is encrypted before it reaches the database.

Each account has a random data key, which seals its records' documents. A data key is stored only wrapped: encrypted by a
key-encryption key (KEK) of the keyring. Without the keyring, a database, a dump or a backup reveals nothing that a
person wrote. Only this package imports an AEAD cipher.
"""

from app.sealing.aead import Cipher, UnreadableError
from app.sealing.data_keys import COMPRESSED, DataKeys, OwnerKeys, create_data_key
from app.sealing.tables import DataKeyRecord

__all__ = ["COMPRESSED", "Cipher", "DataKeyRecord", "DataKeys", "OwnerKeys", "UnreadableError", "create_data_key"]
