"""Exporting: all records of an account as an archive, streamed in bounded memory.

First, the sealed records are copied from one snapshot of the database to temporary files (`app.archive.spool`). Each
record is decrypted once in this step, so that a record that cannot be decrypted is found before the response starts.
Then the archive is written in steps of about 2 ms, each on a thread, as fast as the client reads.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from datetime import datetime
from functools import partial
from heapq import merge
from importlib.metadata import version
from itertools import islice
from operator import itemgetter
from typing import Any, Final

from app import clock
from app.archive import format as archive
from app.archive.journal import months
from app.archive.readme import readme
from app.archive.spool import Spool
from app.archive.threads import on_thread
from app.archive.zip_stream import ZipStream
from app.consents import access_log
from app.db import Db, Row
from app.http import ClientConnection, paced
from app.identity import audit, buckets, second_factor, throttles
from app.identity.accounts import public_account
from app.identity.audit import Event
from app.problems import TooManyExports
from app.records import access
from app.records.codec import version_of
from app.records.resource import kinds
from app.records.view import View, feed_of

PAGE_RECORDS: Final = 500
PAGE_BYTES: Final = 2**20
"""The limits of one page that is read from the database, in records and in bytes of their documents.

They limit the memory of an export.
"""
FULL: Final = (
    "The server is sending as many exports as it can. Send the same request again after the seconds in Retry-After."
)
_COLLECTION, _SEQ, _EPOCH = 0, 2, 4
"""The positions of three columns in a row of the statement `access.changes_since`.

One row has the state of the feed: an epoch, and no collection. Each other row has a change, and no epoch.
"""
_ACCOUNT: Final = ("email", "display_name", "timezone", "locale", "region", "second_factor_since")
_JOURNAL_BYTES: Final = 4096
"""An upper limit, in bytes, for what a journal entry has in addition to the text of its record: heading and facts."""


async def export(view: View, client: ClientConnection) -> AsyncGenerator[bytes]:
    """Yield the bytes of the archive of the view's owner, in pieces.

    Before the first piece, copy all records to a `Spool`, and record an audit event. Raise `TooManyExports` if the
    account has reached its number of exports a day, `Unavailable` if the worker is already sending its maximum number
    of exports, `UnreadableRecord` if a record cannot be decrypted, or `StorageFull` if the disk is full. Raise
    `TimeoutError` if the client reads too slowly: the connection is then closed, and the client has an incomplete
    archive.
    """
    services = view.caller.services
    account = await public_account(view.db, view.caller.account_id)
    account["second_factor_since"] = (await second_factor.state(view.db, view.caller.account_id))["enabled_at"]
    bucket = buckets.of_exports(services, view.owner_id)
    with services.exports.take(FULL), Spool(await view.data_keys(), account["timezone"]) as spool:
        async with throttles.counted(services, bucket, TooManyExports):
            await _copy_records(spool, view)
        audit.record(services, Event.EXPORTED, view.owner_id, device_id=view.caller.device_id)
        async with aclosing(paced(_on_threads(archive_of(spool, account, clock.now())), client)) as parts:
            async for part in parts:
                yield part


async def _on_threads(steps: Iterator[bytes]) -> AsyncGenerator[bytes]:
    """Compute each item of an iterator on a thread, and yield the item."""
    while (part := await on_thread(partial(next, steps, None))) is not None:
        yield part


def archive_of(spool: Spool, account: Row, moment: datetime) -> Iterator[bytes]:
    """Write an archive in steps, and yield the bytes that each step adds to it. Many steps add none.

    `moment` is the time of the export, in UTC.
    """
    stream = ZipStream(moment)
    counts = dict(zip((kind.tag.lower() for kind in kinds()), spool.counts, strict=True))
    yield from stream.add(archive.README, [readme(moment, counts)])
    for kind, count, size in zip(kinds(), spool.counts, spool.sizes, strict=True):
        path, most = archive.records_path(kind.collection), size + 100 * count
        yield from stream.add(path, spool.lines(kind), records=count, max_bytes=most)
    if spool.accesses.count:
        yield from stream.add(
            archive.ACCESS, spool.accesses.parts(), records=spool.accesses.count, max_bytes=spool.accesses.size
        )
    most = 3 * sum(spool.sizes) + _JOURNAL_BYTES * sum(spool.counts)
    keys, runs = spool.entries(), list[list[bytes]]()
    while run := sorted(islice(keys, PAGE_RECORDS)):
        runs.append(run)
        yield b""
    for month in months(spool, merge(*runs)):
        yield from stream.add(archive.journal_path(month.name), map(str.encode, month.parts), max_bytes=most)
    manifest = {
        "format": archive.FORMAT,
        "format_version": archive.FORMAT_VERSION,
        "exported_at": moment,
        "product_version": version("afterglow"),
        "account": {name: account[name] for name in _ACCOUNT},
        "cursor": str(spool.version),
        "files": [*stream.files],
    }
    yield from stream.add(archive.MANIFEST, [archive.render_manifest(manifest)])
    sums = "".join(archive.sums_line(file["sha256"], file["path"]) for file in stream.files)
    yield from stream.add(archive.SUMS, [sums.encode()])
    yield stream.close()


async def _copy_records(spool: Spool, view: View) -> None:
    """Copy all records of the owner and the access log from one snapshot of the database to the spool."""
    async with view.db.snapshot() as snapshot:
        after = 0
        while changes := await _next_changes(snapshot, view, spool, after):
            await on_thread(partial(spool.add, [each for each in changes if each[3] is not None]))
            after = changes[-1][2]
        newest = access_log.NEWEST
        while accesses := await snapshot.all(
            access_log.PAGE, owner_id=view.owner_id, after_id=newest, rows=PAGE_RECORDS
        ):
            await on_thread(partial(spool.accesses.add, map(access_log.public_access, accesses)))
            newest = accesses[-1]["id"]
    await on_thread(spool.finish)


async def _next_changes(snapshot: Db, view: View, spool: Spool, after: int) -> list[tuple[Any, ...]]:
    """Return the next page of changes after the sequence number `after`, in ascending order.

    A change is a collection, an id, a sequence number, and a sealed document, which is None for a removed record. Also
    set the spool's `version` and `epoch_version` from the feed in the snapshot.
    """
    values = {"after": after, "rows": PAGE_RECORDS, "most_bytes": PAGE_BYTES, **view.binds}
    rows = await snapshot.tuples(access.changes_since(filtered=False), **values)
    _, _, head, _, epoch, _, timezone = feed_of([row for row in rows if row[_EPOCH] is not None])
    view.caller.confirm(timezone)
    spool.version, spool.epoch_version = version_of(epoch, head), version_of(epoch, 0)
    return sorted([row[:_EPOCH] for row in rows if row[_COLLECTION] is not None], key=itemgetter(_SEQ))
