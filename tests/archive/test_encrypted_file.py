"""The temporary file of an import: nothing in it can be read without the process, and any part of it can be read back."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from app.archive import encrypted_file
from app.archive.encrypted_file import BLOCK_BYTES, EncryptedFile
from app.problems import StorageFull
from app.sealing.aead import UnreadableError


def filled(size: int, piece: int) -> tuple[EncryptedFile, bytes]:
    """Return a file with random bytes that were appended in pieces, and the bytes."""
    content, file = os.urandom(size), EncryptedFile()
    for start in range(0, size, piece):
        file.append(content[start : start + piece])
    return file, content


@pytest.mark.parametrize("piece", [1000, BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 5])
@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 7])
def test_every_part_is_read_back(size: int, piece: int) -> None:
    file, content = filled(size, piece)
    with file:
        assert file.size == size
        for start in (0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, size - 1, size, size + 1):
            for length in (0, 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 1, size + 1):
                if start >= 0:
                    assert file.read(start, length) == content[start : start + length]


def test_the_file_has_no_name_and_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with EncryptedFile() as file:
        file.append(b"wisteria" * BLOCK_BYTES)
        assert list(tmp_path.iterdir()) == []
        raw = vars(file)["_file"].fileno()
        assert stat.S_IMODE(os.fstat(raw).st_mode) == 0o600
        stored = os.pread(raw, 10 * BLOCK_BYTES, 0)
        assert len(stored) > 8 * BLOCK_BYTES
        assert b"wister" not in stored


def test_equal_blocks_differ_and_cannot_be_exchanged() -> None:
    with EncryptedFile() as file:
        file.append(b"w" * (2 * BLOCK_BYTES))
        raw = vars(file)["_file"].fileno()
        first, second = (os.pread(raw, encrypted_file.SEALED_BYTES, n * encrypted_file.SEALED_BYTES) for n in range(2))
        assert first != second
        os.pwrite(raw, second, 0)
        with pytest.raises(UnreadableError):
            file.read(0, 1)


def test_a_full_disk_is_a_clear_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda: full)
        file = EncryptedFile()
        file.append(b"w" * (BLOCK_BYTES - 1))
        with pytest.raises(StorageFull):
            file.append(b"w")
