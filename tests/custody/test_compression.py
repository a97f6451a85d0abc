"""Compression: which documents are compressed, that they read back, and that damaged ones are a clear problem."""

import hashlib
import os

import pytest
from lz4.block import compress

from app.ids import new_id
from app.problems import UnreadableRecord
from app.records import Resource
from app.resources import RESOURCES
from app.resources.intentions import INTENTIONS
from app.sealing import COMPRESSED, OwnerKeys, compression, data_keys
from app.sealing.aead import KEY_BYTES, NONCE_BYTES, TAG_BYTES, Cipher
from tests.drafts import create_record, draft_of, etag
from tests.refusals import refused
from tests.rows import rows_of
from tests.serving import Person, Server
from tests.usage import counted, recounted

PLAIN = data_keys.PLAIN
SEALING_BYTES = data_keys.HEADER_BYTES + NONCE_BYTES + TAG_BYTES
LONG = "Under the wisteria I said what I had not said, and my mother listened. " * 15
DICTIONARY_SHA256 = "a9697dba98f7f5333fb3c462dd873145945a7fe09c89e2609b68b4329b6be4dd"
with_text = pytest.mark.parametrize(
    "resource", [kind for kind in RESOURCES if kind.text is not None], ids=lambda kind: kind.collection
)


@pytest.fixture
def keys() -> OwnerKeys:
    """The data keys of an invented owner, of two generations."""
    return OwnerKeys(new_id(), {generation: Cipher(os.urandom(KEY_BYTES)) for generation in (1, 2)})


def is_compressed(sealed: bytes) -> bool:
    """Return whether a sealed document is compressed; it has one of the two formats."""
    assert sealed[:1] in {PLAIN, COMPRESSED}
    return sealed[:1] == COMPRESSED


def seal_then_open(keys: OwnerKeys, document: str) -> bytes:
    """Return the sealed document, after it has been read back."""
    id = new_id()
    sealed = keys.seal("reflections", id, 7, document, may_compress=True)
    assert keys.open("reflections", id, 7, sealed) == document
    return sealed


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, False),
        (compression.MIN_BYTES - 1, False),
        (compression.MIN_BYTES, True),
        (compression.MAX_BYTES, True),
        (compression.MAX_BYTES + 1, False),
    ],
)
@pytest.mark.parametrize("letter", ["w", "ü"])
def test_a_document_of_medium_size_is_compressed(keys: OwnerKeys, size: int, letter: str, *, expected: bool) -> None:
    document = letter * (size // len(letter.encode())) + "w" * (size % len(letter.encode()))
    sealed = seal_then_open(keys, document)
    assert is_compressed(sealed) == expected
    assert (len(sealed) < size) == expected


def test_a_document_that_would_not_become_smaller_is_not_compressed(keys: OwnerKeys) -> None:
    assert not is_compressed(seal_then_open(keys, os.urandom(1000).hex()[:2000]))


def test_a_document_is_compressed_only_if_this_is_allowed(keys: OwnerKeys) -> None:
    assert not is_compressed(keys.seal("sessions", new_id(), 7, LONG))


def test_the_dictionary_is_a_part_of_the_format() -> None:
    assert hashlib.sha256(compression.DICTIONARY).hexdigest() == DICTIONARY_SHA256


@pytest.mark.parametrize("change", ["the format", "the generation", "a bit", "the end", "the record", "the version"])
def test_a_changed_or_moved_document_does_not_open(keys: OwnerKeys, change: str) -> None:
    id = new_id()
    for document in (LONG, LONG[:100]):
        sealed = keys.seal("reflections", id, 7, document, may_compress=True)
        changed = {
            "the format": (PLAIN if is_compressed(sealed) else COMPRESSED) + sealed[1:],
            "the generation": sealed[:1] + (1).to_bytes(2) + sealed[3:],
            "a bit": sealed[:-1] + bytes([sealed[-1] ^ 1]),
            "the end": sealed[:-1],
        }.get(change, sealed)
        record, seq = (new_id(), 7) if change == "the record" else (id, 8 if change == "the version" else 7)
        with pytest.raises(UnreadableRecord):
            keys.open("reflections", record, seq, changed)


BAD_CONTENT = {
    "a bomb": compress(b"w" * 2**24, store_size=False, dict=compression.DICTIONARY),
    "one byte too much": compress(b"w" * (compression.MAX_BYTES + 1), store_size=False, dict=compression.DICTIONARY),
    "not compressed": b'{"created_at":"2026-11-22T18:31:00.000000Z"}',
    "nothing": b"",
    "not in UTF-8": compress(b"\xff" * 2000, store_size=False, dict=compression.DICTIONARY),
}


@pytest.mark.parametrize("content", BAD_CONTENT.values(), ids=BAD_CONTENT)
def test_bad_compressed_content_is_a_clear_problem(
    alice: Person, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(data_keys, "compress", lambda _content: content)
        record = alice.client.post(INTENTIONS.path, json=draft_of(INTENTIONS)).json()
    path = f"{INTENTIONS.path}/{record['id']}"
    for response in (
        alice.client.get(path),
        alice.client.get(INTENTIONS.path),
        alice.client.get("/v1/sync/changes"),
        alice.client.patch(path, json={"why": "wisteria"}, headers={"If-Match": "*"}),
    ):
        refused(response, 503, "unreadable-record")


@with_text
def test_a_clinic_writes_no_part_of_what_is_compressed(server: Server, alice: Person, resource: Resource) -> None:
    assert resource.text is not None
    record = create_record(alice.client, resource, alice, **{resource.text: LONG})
    path = f"{resource.path}/{record['id']}"
    stored = rows_of(server, alice, resource)[record["id"]]["document"]
    assert is_compressed(stored) == (not resource.clinical)
    assert alice.client.get(path).json() == record
    assert counted(server, alice) == recounted(server, alice)
    changed = alice.client.patch(path, json={resource.text: LONG[1:]}, headers=etag(record)).json()
    assert alice.client.get(path).json() == changed
    assert counted(server, alice) == recounted(server, alice)


def test_only_sessions_have_fields_that_a_clinic_writes() -> None:
    assert [kind.collection for kind in RESOURCES if kind.clinical] == ["sessions"]
