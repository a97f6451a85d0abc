"""The spool and the ZIP stream of an export: bounded memory and steps, equal bytes, and no name or word on the disk."""

import asyncio
import io
import os
import stat
import tempfile
import threading
import tracemalloc
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import clock, json_strict
from app.archive.exporting import archive_of
from app.archive.spool import Spool
from app.archive.threads import on_thread
from app.archive.zip_stream import STEP_BYTES, ZipStream
from app.db import Row
from app.ids import new_id
from app.sealing import OwnerKeys
from app.sealing.aead import Cipher
from tests.archive.archives import ExportedArchive
from tests.drafts import resource_of
from tests.hostile.raw import SECONDS


def test_a_step_on_a_thread_ends_before_what_waits_for_it() -> None:
    go_on, ended = threading.Event(), []

    def step() -> None:
        go_on.wait(SECONDS)
        ended.append(True)

    async def cancel_it() -> None:
        task = asyncio.create_task(on_thread(step))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [True]

    asyncio.run(cancel_it())


def spooled(records: int, words: int) -> Spool:
    """Return a spool with reflections of so many random words."""
    keys, owner = OwnerKeys(new_id(), {1: Cipher(bytes(32))}), resource_of("reflections")
    spool, stored = Spool(keys, "Europe/Berlin"), dict(owner.example) | {"created_at": "2026-11-20T10:00:00.000000Z"}
    plain = dict.fromkeys(owner.document_names) | stored | dict.fromkeys(owner.references)
    for begin in range(0, records, 100):
        changes = []
        for seq in range(begin, begin + 100):
            document = json_strict.dump_text(plain | {"body": os.urandom(3 * words).hex()})
            id = new_id()
            changes.append(("reflections", id, seq, keys.seal("reflections", id, seq, document)))
        spool.add(changes)
    spool.finish()
    return spool


ACCOUNT: Row = {
    "email": "a@example.com",
    "display_name": None,
    "timezone": "UTC",
    "locale": "en",
    "region": None,
    "second_factor_since": None,
}


def test_the_memory_of_an_export_does_not_grow_with_the_documents() -> None:
    peaks = []
    for words in (100, 1500):
        with spooled(3000, words) as spool:
            tracemalloc.start()
            size = sum(map(len, archive_of(spool, ACCOUNT, clock.now())))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert size > 15_000_000
    assert peaks[1] < peaks[0] + 2_000_000
    assert peaks[0] < 4_000_000


def test_no_step_makes_more_than_a_few_hundred_kilobytes() -> None:
    with spooled(1000, 400) as spool:
        parts = [len(part) for part in archive_of(spool, ACCOUNT, clock.now())]
    assert max(parts) < 4 * STEP_BYTES
    assert len(parts) > 30


def test_equal_records_make_equal_bytes() -> None:
    moment = datetime(2026, 11, 28, 20, 15, 7, tzinfo=UTC)
    with spooled(100, 10) as spool:
        first, second = (b"".join(archive_of(spool, ACCOUNT, moment)) for _ in range(2))
    assert first == second
    infos = ExportedArchive(first).infos
    assert {info.date_time for info in infos} == {(2026, 11, 28, 20, 15, 6)}
    assert {info.external_attr >> 16 for info in infos} == {0o100600}


def test_the_spool_has_no_name_and_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with spooled(100, 10) as spool:
        assert list(tmp_path.iterdir()) == []
        file = vars(spool)["_file"]
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
        content = os.pread(file.fileno(), 10_000_000, 0)
        assert len(content) > 30_000
        assert b"occurred_at" not in content


def test_a_file_that_may_be_large_uses_zip64() -> None:
    stream = ZipStream(datetime(2026, 11, 28, tzinfo=UTC))
    written = b"".join([*stream.add("small", [b"a"]), *stream.add("large", [b"b"], max_bytes=2**31), stream.close()])
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in archive.namelist()] == [b"a", b"b"]
    small, large = (written.index(name) for name in (b"small", b"large"))
    assert written[small - 30 + 4 : small - 30 + 6] == b"\x14\x00"
    assert written[large - 30 + 4 : large - 30 + 6] == b"\x2d\x00"
