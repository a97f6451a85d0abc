"""Searches files for a text, in every form in which it may have been written."""

import re
import zlib
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path

_COMPRESSED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
"""The first bytes of data that zlib or gzip compressed."""
_INFLATED_BYTES = 2**20


def forms_of(word: str) -> dict[str, bytes]:
    """Return an ASCII text in every form, by its name. UTF-8, JSON and a URL write it as it is."""
    raw = word.encode()
    found = {"UTF-8": raw, "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode()}
    for name in ("UTF-16-LE", "UTF-16-BE", "UTF-32-LE"):
        found[name] = word.encode(name)
    for shift in range(3):  # base64 has three forms of a text, by where it begins
        encoded = b64encode(bytes(shift) + raw)
        found[f"base64 {shift}"] = encoded[4 if shift else 0 : (shift + len(raw)) // 3 * 4]
        wide = urlsafe_b64encode(bytes(shift) + word.encode("UTF-16-LE"))
        found[f"base64 {shift} of UTF-16"] = wide[4 if shift else 0 : (shift + 2 * len(raw)) // 3 * 4]
    return found


def traces_in(content: bytes, words: Iterable[str]) -> list[str]:
    """Return the words that some bytes contain, each with its form and what is around it."""
    parts = [("", content), *(("compressed ", part) for part in _inflated(content))]
    return [
        f"{word} as {compressed}{form}: {part[max(0, at - 80) : at + 120]!r}"
        for word in words
        for form, encoded in forms_of(word).items()
        for compressed, part in parts
        if (at := part.find(encoded)) >= 0
    ]


def _inflated(content: bytes) -> Iterator[bytes]:
    for start in _COMPRESSED.finditer(content):
        try:
            part = zlib.decompressobj(wbits=47).decompress(content[start.start() :][:_INFLATED_BYTES], _INFLATED_BYTES)
        except zlib.error:
            continue
        if part:
            yield part


def files_in(*folders: Path) -> Iterator[Path]:
    """Yield every file in some folders."""
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
