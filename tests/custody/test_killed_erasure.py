"""An erasure in a process of its own, which is killed in the middle: nothing of the account is served, and a run completes it."""

import asyncio
import os
import signal
import subprocess
from datetime import timedelta

import sqlalchemy as sa

from app.clinics.consent_tables import EndedBy
from app.clock import now
from app.db import Statement, bind
from app.identity.administration import LOCK
from app.keyring.ledger import read_entries
from app.leaving import closing
from app.resources import RESOURCES
from app.sealing import DataKeyRecord
from tests.custody.accounts import command, fill, login, reopen, rows_left, traces, variables, without_jobs
from tests.drafts import create_record
from tests.house.commands import AFTERGLOW
from tests.rows import insert_copies
from tests.serving import Person, Server
from tests.waiting import wait_until

COPIES = 4000
_key = DataKeyRecord.table()
_KEY = Statement(sa.select(_key.c.generation).where(_key.c.owner_id == bind(_key.c.owner_id)))


def kill_in_the_middle(server: Server, person: Person) -> None:
    """Start `afterglow erase`, and kill it (SIGKILL) soon after it has deleted the data key."""
    environment = os.environ | {f"AFTERGLOW_{name.upper()}": value for name, value in variables(server).items()}
    process = subprocess.Popen([AFTERGLOW, "erase"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: server.run(server.db.one(_KEY, owner_id=person.id)) is None, 60)

    async def kill() -> None:
        async with (
            server.db.transaction() as tx
        ):  # on SQLite it waits for the erasure's transaction, and keeps the next out
            await tx.only(LOCK, id=person.id)  # on PostgreSQL this does
            process.kill()
            await asyncio.to_thread(process.wait)

    server.run(kill())
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_an_erasure_whose_process_is_killed_is_completed_by_the_next_run(own: Server) -> None:
    alice, bob = own.person("alice"), own.person("bob")
    ids, others = fill(own, alice), fill(own, bob)
    record = create_record(alice.client, RESOURCES[3], alice)
    ids += insert_copies(own, alice, RESOURCES[3], record, ({} for _ in range(COPIES)))
    without_jobs(own)

    async def close() -> None:
        async with own.db.transaction() as tx:
            await closing.close(tx, own.services, alice.id, EndedBy.PATIENT, now() - timedelta(seconds=1))

    own.run(close())
    before = rows_left(own, alice)
    kill_in_the_middle(own, alice)
    after = rows_left(own, alice)
    assert after["account"] == after["feed"] == 1
    assert sum(after.values()) > COPIES
    assert before.items() - after.items() >= {("data_key", 1)}
    assert len(read_entries(own.settings.ledger_file)) == 1
    assert login(own.anyone, alice.email) == 401
    assert reopen(own.anyone, alice.email, "9TB4R-C2HJE") == 401
    assert alice.client.get(RESOURCES[3].path).status_code == 401
    assert command(own, "erase").out == "Erased: accounts 1.\n"
    assert rows_left(own, alice) == {}
    assert traces(own, alice.email, str(alice.id), *ids) == []
    assert traces(own, *others) == others
    assert len(read_entries(own.settings.ledger_file)) == 1
