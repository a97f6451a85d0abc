"""A worker that is killed (SIGKILL) while it sends a message: another worker sends the same message after the lease."""

import os
import subprocess

import pytest

from app.webhooks import delivering
from tests.conftest import Servers
from tests.consents.clinic import give, new_clinic
from tests.custody.accounts import variables
from tests.house.commands import AFTERGLOW
from tests.house.starting import free_port
from tests.waiting import later
from tests.webhooks.receiver import Hook
from tests.webhooks.rows import settled


def test_a_message_of_a_killed_worker_is_sent_by_another(
    servers: Servers, database: str, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "MAX_SENDING", 0)
    server = servers.start(servers.settings(database))
    clinic = new_clinic(server)
    give(server.person(), clinic, "P-1")
    webhook = hook.create(clinic)
    hook.open.clear()
    environment = os.environ | {f"AFTERGLOW_{name.upper()}": value for name, value in variables(server).items()}
    with subprocess.Popen(
        [AFTERGLOW, "serve", "--port", str(free_port())],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        hook.received(1)
        process.kill()
    hook.open.set()
    monkeypatch.undo()
    with later(seconds=delivering.LEASE.total_seconds() + 1):
        settled(server, clinic, webhook)
    first, second = hook.received(2)
    assert (first.id, first.body) == (second.id, second.body)
    second.verified(webhook["secret"])
    server.end_test()
