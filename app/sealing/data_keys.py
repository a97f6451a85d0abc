"""Data keys: one for each account, stored wrapped, and cached unwrapped for a minute.

A sealed value is the format (one byte), the generation of the data key in two bytes, a nonce of 12 bytes, the
ciphertext, and a tag of 16 bytes. The value is bound to its owner, collection, record and sequence number: it cannot be
decrypted as the document of another record or version. The format is `0x01`, or `0x02` for a document that was
compressed before it was encrypted (decision 093). A value of one format cannot be decrypted as the other.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app import observability
from app.db import Database, Row, Statement, Transaction, any_of, bind
from app.keyring import Keyring
from app.problems import UnreadableRecord
from app.sealing.aead import KEY_BYTES, NONCE_BYTES, NOT_DECRYPTED, Cipher, UnreadableError
from app.sealing.compression import NOT_DECOMPRESSED, compress, decompress
from app.sealing.tables import DataKeyRecord

PLAIN: Final = b"\x01"
COMPRESSED: Final = b"\x02"
HEADER_BYTES: Final = 3
_NONCE_END: Final = HEADER_BYTES + NONCE_BYTES
CACHE_SECONDS: Final = 60.0
MAX_CACHED: Final = 10_000
FIRST_GENERATION: Final = 1

_data_key = DataKeyRecord.table()
_INSERT: Final = Statement(sa.insert(_data_key).values({column.name: bind(column) for column in _data_key.c}))
_OF_OWNER: Final = Statement(sa.select(_data_key).where(_data_key.c.owner_id == bind(_data_key.c.owner_id)))

_OF_OWNERS: Final = Statement(sa.select(_data_key).where(any_of(_data_key.c.owner_id, "owner_ids")))


class OwnerKeys:
    """The data keys of one account, which seal and open its records' documents."""

    __slots__ = ("_decrypt", "_encrypt", "_generation", "_owner", "read_at")

    def __init__(self, owner_id: UUID, ciphers: dict[int, Cipher]) -> None:
        """Take the ciphers of the data keys, by generation. The one with the highest generation seals new documents."""
        self._owner = owner_id.bytes
        self._decrypt: dict[bytes, Callable[[bytes, bytes, bytes], bytes]] = {}
        for generation, cipher in ciphers.items():
            self._decrypt[PLAIN + generation.to_bytes(2)] = cipher.decrypt_parts
            self._decrypt[COMPRESSED + generation.to_bytes(2)] = partial(_decrypt_compressed, cipher.decrypt_parts)
        newest = max(ciphers)
        self._generation, self._encrypt = newest.to_bytes(2), ciphers[newest].encrypt
        self.read_at = time.monotonic()

    def seal(self, collection: str, id: UUID, seq: int, document: str, *, may_compress: bool = False) -> bytes:
        """Encrypt a document, bound to its record and sequence number, and return the sealed value.

        If `may_compress`, the document is compressed if it is of medium size. The size of the sealed value then depends
        on how much the document repeats itself. So do not compress a document if anyone but its owner can write a part
        of it: they could learn from the size whether their part repeats the owner's.
        """
        content, bound_to = document.encode(), self._owner + collection.encode() + id.bytes + seq.to_bytes(8)
        compressed = compress(content) if may_compress else None
        if compressed is not None:
            return COMPRESSED + self._generation + self._encrypt(compressed, bound_to + COMPRESSED)
        return PLAIN + self._generation + self._encrypt(content, bound_to)

    def open(self, collection: str, id: UUID, seq: int, sealed: bytes) -> str:
        """Decrypt a sealed value, and return the document; on failure, log the record's id and raise `UnreadableRecord`.

        A pull decrypts a thousand documents, so this is one expression: a further function call would take a tenth more
        time.
        """
        try:
            return self._decrypt[sealed[:HEADER_BYTES]](
                sealed[HEADER_BYTES:_NONCE_END],
                sealed[_NONCE_END:],
                self._owner + collection.encode() + id.bytes + seq.to_bytes(8),
            ).decode()
        except (*NOT_DECRYPTED, NOT_DECOMPRESSED, KeyError):
            observability.log_event("record-unreadable", "error", collection=collection, id=str(id), seq=seq)
            raise UnreadableRecord from None


def _decrypt_compressed(
    decrypt: Callable[[bytes, bytes, bytes], bytes], nonce: bytes, ciphertext: bytes, bound_to: bytes
) -> bytes:
    """Decrypt and decompress a document. Raise one of `NOT_DECRYPTED`, or `NOT_DECOMPRESSED`."""
    content: bytes = decompress(decrypt(nonce, ciphertext, bound_to + COMPRESSED))
    return content


class DataKeys:
    """Reads and unwraps the data keys of all accounts, and caches them."""

    def __init__(self, db: Database, keyring: Keyring) -> None:
        """Start with an empty cache."""
        self._db, self._keyring = db, keyring
        self._cached: OrderedDict[UUID, OwnerKeys] = OrderedDict()

    async def of(self, owner_id: UUID) -> OwnerKeys:
        """Return the data keys of an account, from the cache if they were read in the last minute.

        If one cannot be unwrapped, or the account has none, log the account's id and raise `UnreadableRecord`.
        """
        found = self._cached.get(owner_id)
        if found is not None and time.monotonic() - found.read_at < CACHE_SECONDS:
            return found
        return await self._read(owner_id)

    async def of_many(self, owner_ids: Iterable[UUID]) -> dict[UUID, OwnerKeys]:
        """Return the data keys of several accounts by account id, without the accounts that were erased.

        One statement reads all data keys that are not cached. If one cannot be unwrapped, log the account's id and
        raise `UnreadableRecord`.
        """
        found = {id: self._cached.get(id) for id in owner_ids}
        missing = [id for id, keys in found.items() if keys is None or time.monotonic() - keys.read_at >= CACHE_SECONDS]
        rows: dict[UUID, list[Row]] = {id: [] for id in missing}
        for row in await self._db.all(_OF_OWNERS, owner_ids=missing) if missing else ():
            rows[row["owner_id"]].append(row)
        read = {id: self._keep(id, some) for id, some in rows.items() if some}
        return {id: keys for id, keys in found.items() if keys is not None and id not in rows} | read

    def forget(self, owner_id: UUID) -> None:
        """Remove the data keys of an account from the cache."""
        self._cached.pop(owner_id, None)

    async def of_or_create(self, tx: Transaction, owner_id: UUID) -> OwnerKeys:
        """Return the data keys of an account; if it has none, create its first one in the transaction."""
        rows = await tx.all(_OF_OWNER, owner_id=owner_id)
        if not rows:
            await create_data_key(tx, self._keyring, owner_id)
            rows = await tx.all(_OF_OWNER, owner_id=owner_id)
        return self._unwrapped(owner_id, rows)

    async def _read(self, owner_id: UUID) -> OwnerKeys:
        return self._keep(owner_id, await self._db.all(_OF_OWNER, owner_id=owner_id))

    def _keep(self, owner_id: UUID, rows: list[Row]) -> OwnerKeys:
        keys = self._cached[owner_id] = self._unwrapped(owner_id, rows)
        self._cached.move_to_end(owner_id)
        if len(self._cached) > MAX_CACHED:
            self._cached.popitem(last=False)
        return keys

    def _unwrapped(self, owner_id: UUID, rows: list[Row]) -> OwnerKeys:
        try:
            return OwnerKeys(owner_id, {row["generation"]: Cipher(unwrap(self._keyring, row)) for row in rows})
        except (UnreadableError, KeyError, ValueError):
            observability.log_event("data-key-unreadable", "error", account_id=str(owner_id))
            raise UnreadableRecord from None


async def create_data_key(tx: Transaction, keyring: Keyring, owner_id: UUID) -> None:
    """Create the first data key of an account, and insert its row in the transaction `tx`."""
    await tx.run(_INSERT, **wrap(keyring, owner_id, FIRST_GENERATION, os.urandom(KEY_BYTES)))


def wrap(keyring: Keyring, owner_id: UUID, generation: int, key: bytes) -> Row:
    """Wrap a data key by the keyring's current key-encryption key; return the row of the table `data_key`."""
    kek = keyring.sealing_key
    wrapped = Cipher(kek.key).encrypt(key, _wrapping(owner_id, generation, kek.id))
    return {"owner_id": owner_id, "generation": generation, "kek_id": kek.id, "wrapped": wrapped}


def unwrap(keyring: Keyring, row: Row) -> bytes:
    """Return the unwrapped data key of a row of the table `data_key`.

    Raise `KeyError` if the keyring does not contain the row's key-encryption key, and `UnreadableError` if decryption
    fails.
    """
    if row["kek_id"] not in keyring.sealing_keys:
        keyring.reload()
    kek = keyring.sealing_keys[row["kek_id"]]
    return Cipher(kek.key).decrypt(row["wrapped"], _wrapping(row["owner_id"], row["generation"], kek.id))


def _wrapping(owner_id: UUID, generation: int, kek_id: str) -> bytes:
    return b"%b%b%b" % (owner_id.bytes, generation.to_bytes(2, "big"), kek_id.encode())
