"""Compression of documents by LZ4, before they are encrypted (decision 093).

Only documents of medium size are compressed: smaller ones save little, and most records are smaller. Larger ones would
need more memory than their stored size says, and pages are limited by the stored size of their documents.
"""

from functools import partial
from typing import Final

from lz4.block import LZ4BlockError
from lz4.block import compress as _lz4_compress
from lz4.block import decompress as _lz4_decompress

MIN_BYTES: Final = 1024
"""The minimum size of a document to compress."""
MAX_BYTES: Final = 4096
"""The maximum size of a document to compress, and of what is decompressed."""
DICTIONARY: Final = (
    b'"session_id":null,"kind":"title":"description":null,"valence":null,"intensity":null,"significance":null,'
    b'"meaning":null,"origin":null,"reframe":null,"status":"active"}'
    b'"statement":"why":null,"session_id":null,"element_id":null,"derived_from_id":null,"domain":null,'
    b'"status":"active","achievement":null,"target_on":null,"scale":null,"weight":1,"baseline":null}'
    b'"title":"change":"start","facet":null,"details":null,"if_cue":null,"then_response":null,"status":"planned",'
    b'"starts_on":null,"due_on":null,"completed_at":null,"session_id":null,"element_id":null,"intention_id":null,'
    b'"reflection_id":null}'
    b'"title":null,"details":null,"change":null,"domain":null,"intention_id":null,"action_item_id":null,'
    b'"minutes":null,"at":null,"week_start":1,"ends_on":null,"schedule":{"pauses":[]}'
    b'"practice_id":"day":"outcome":"minutes":null,"difficulty":null,"note":null}'
    b'"taken_at":"timezone":"session_id":null,"mood":null,"anxiety":null,"energy":null,"sleep":null,'
    b'"connectedness":null,"craving":null,"pain":null,"sleep_minutes":null,"side_effects":[],"note":null}'
    b'"instrument":"instrument_version":"answers":{"status":"complete","timepoint":null,"scoring":null,"total":null,'
    b'"subscales":{"band":null,"flags":[],"help":null}'
    b'"level":null,"level_text":null,"achievement":null,"note":null}'
    b'{"created_at":"2026-01-01T00:00:00.000000Z","updated_at":"2026-01-01T00:00:00.000000Z","visibility":"shared",'
    b'"visibility":"private","body":"","title":null,"occurred_at":"2026-01-01T00:00:00.000000Z",'
    b'"timezone":"Europe/","session_id":null,"element_id":null,"intention_id":null,"prompt":null,"capture":"typed",'
    b'"mood":null,"emotions":[],"domains":[],"prompt_id":null}'
)
"""What documents have in common: the names of their members, so that these take few bytes.

It is a part of the stored format: if it is changed, no compressed document can be read any more. Compression works with
members that are not in it, too.
"""
NOT_DECOMPRESSED: Final = LZ4BlockError
"""What `decompress` raises if the content is damaged, or larger than `MAX_BYTES`."""

decompress: Final = partial(_lz4_decompress, uncompressed_size=MAX_BYTES, dict=DICTIONARY)
"""A function that takes compressed content and returns the content; it raises `NOT_DECOMPRESSED`."""


def compress(content: bytes) -> bytes | None:
    """Return the compressed content; None if it is not of medium size, or does not become smaller."""
    if not MIN_BYTES <= len(content) <= MAX_BYTES:
        return None
    compressed: bytes = _lz4_compress(content, store_size=False, dict=DICTIONARY)
    return compressed if len(compressed) < len(content) else None
