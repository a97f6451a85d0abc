"""Breaks the engine in one way at a time, and checks that the tests of sync fail.

    uv run python -m tests.sync.mutants [NAME …]

Each mutant patches one function of the application. Then the convergence test runs on SQLite and, if it passes, the
concurrency test on PostgreSQL. The unchanged engine runs first and must pass both. The exit status is 0 if it passes and
every mutant is caught.
"""

import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from hypothesis import settings

from app.db import BulkStatement, CompareAndSwap, Row, Statement, schema
from app.identity import TIMEZONE, Feed
from app.keyring.rotation import create_keyring
from app.problems import Problem
from app.records import access
from app.records.view import View
from app.records.write import engine
from app.records.write.feed_lock import FeedWrite
from app.records.write.ops import Op
from app.settings import Settings
from app.sync import cursors, parsing, pull
from app.sync.requests import SyncOp
from tests import postgres
from tests.mailbox import Mailbox
from tests.serving import serving
from tests.sync.backend import Backend
from tests.sync.test_concurrency import check_every_change_is_seen
from tests.sync.test_convergence import BOUNDED, run_convergence

LONGER = settings(BOUNDED, max_examples=150)
Mutant = Callable[[], AbstractContextManager[object]]


def no_feed_lock() -> AbstractContextManager[object]:
    """Read the feed's head without a lock, and advance it without a comparison."""
    feed = Feed.table()
    unlocked = Statement(sa.select(feed.c.head, feed.c.epoch, feed.c.consents, TIMEZONE).where(access.owned(feed)))
    return patch.multiple(
        access, LOCK_FEED=unlocked, FEED_CAS=CompareAndSwap(feed, {}, ("head", "records", "document_bytes"))
    )


def cursor_is_the_head() -> AbstractContextManager[object]:
    """Return the feed's head as the cursor of each page, also if there are more pages."""
    original = pull.pull

    async def pulled(view: View, query: pull.PullQuery) -> pull.Page:
        page = await original(view, query)
        return page._replace(cursor=str(await pull.version(view)))

    return patch.object(pull, "pull", pulled)


def tombstones_are_dropped() -> AbstractContextManager[object]:
    """Leave removals out of a pull."""
    original = pull.pull

    async def pulled(view: View, query: pull.PullQuery) -> pull.Page:
        page = await original(view, query)
        return page._replace(changes=[each for each in page.changes if b'"deleted":true' not in each])

    return patch.object(pull, "pull", pulled)


def last_writer_wins() -> AbstractContextManager[object]:
    """Apply every edit, also if the fields were changed since its base."""
    return patch.object(engine, "colliding_fields", lambda _op, _row: ())


def floor_is_ignored() -> AbstractContextManager[object]:
    """Serve a cursor below the floor."""
    original = cursors.Position.is_served
    return patch.object(
        cursors.Position, "is_served", lambda position, epoch, head, _floor: original(position, epoch, head, 0)
    )


def removals_bypass_the_feed() -> AbstractContextManager[object]:
    """Remove a record's row without a tombstone."""
    original = FeedWrite.queue

    def queue(write: FeedWrite, bulk: BulkStatement, rows: Sequence[Row]) -> None:
        original(write, bulk, [row for row in rows if not row.get("deleted")])

    return patch.object(FeedWrite, "queue", queue)


def upserts_revive() -> AbstractContextManager[object]:
    """Restore a removed record by any upsert, not only with `undelete`."""
    original = parsing._parse  # noqa: SLF001 - a mutant replaces it

    def read(view: View, sent: SyncOp, *others: Any) -> Op | Problem:
        return original(view, sent.model_copy(update={"undelete": sent.op == "upsert"}), *others)

    return patch.object(parsing, "_parse", read)


MUTANTS: tuple[Mutant, ...] = (
    no_feed_lock,
    cursor_is_the_head,
    tombstones_are_dropped,
    last_writer_wins,
    floor_is_ignored,
    removals_bypass_the_feed,
    upserts_revive,
)


def main(names: Sequence[str]) -> int:
    """Run the unchanged engine and every mutant; return how many of them had the wrong result."""
    logging.disable()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, postgres.running() as server, Mailbox() as mailbox:
        keyring = Path(folder) / "keys.json"
        create_keyring(keyring, generated=False)

        def convergence() -> None:
            url = f"sqlite:///{folder}/{time.monotonic_ns()}.db"
            schema.migrate(url)
            backend = Backend(Settings(database_url=url, keyring=keyring))
            backend.open()
            with closing(backend):
                run_convergence(backend, LONGER)

        def concurrency() -> None:
            with serving(Settings(database_url=server, keyring=keyring), mailbox) as served:
                check_every_change_is_seen(served.person("alice"))

        schema.migrate(server)
        for mutant in (nullcontext, *MUTANTS):
            name = getattr(mutant, "__name__", "").replace("_", " ")
            is_mutant = mutant is not nullcontext
            if is_mutant and names and mutant.__name__ not in names:
                continue
            caught = _caught(mutant, convergence) or _caught(mutant, concurrency)
            wrong += bool(caught) is not is_mutant
            result = f"caught by {caught}" if caught else "not caught"
            print(f"{name if is_mutant else 'unchanged engine':28} {result}", flush=True)  # noqa: T201 - a command prints
    return wrong


def _caught(mutant: Mutant, test: Callable[[], None]) -> str | None:
    began = time.monotonic()
    with mutant():
        try:
            test()
        except Exception as failure:  # noqa: BLE001 - any failure counts
            deepest = failure.exceptions[0] if isinstance(failure, BaseExceptionGroup) else failure
            said = (str(deepest).splitlines() or [""])[0][:100]
            return f"{test.__name__} after {time.monotonic() - began:.0f} s: {type(deepest).__name__} {said}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
