"""A backend whose worker processes are killed with SIGKILL, before a response or at a random moment.

    python -m tests.sync.killable_backend PORT        serves the application until it is killed

A request with the header `X-Kill-Before-Response` is executed and committed; then the process kills itself instead of
sending the response. Other workers are killed by the simulation while they execute a request. A worker that was killed
is started again before the next request.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Thread, Timer
from uuid import UUID

import httpx2 as httpx
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.request_context import WRITE_RESPONSE
from app.identity.device_sessions import sign_in
from app.main import create_app
from app.server.protocol import LimitedProtocol
from app.settings import Settings
from tests.house.starting import SECONDS, free_port, is_alive
from tests.sync.backend import Backend
from tests.sync.device import Transport
from tests.sync.local_store import Json

KILL_HEADER = "x-kill-before-response"
KILL_SHARE = 0.1
"""The share of pushes whose worker is killed before the response; as many workers are killed at a random moment."""
MAX_KILL_DELAY = 0.03
"""The longest time in seconds between a request and the kill at a random moment."""
SHARED_SETTINGS = ("database_url", "keyring", "pool_seconds", "statement_seconds")


def killable(app: ASGIApp) -> ASGIApp:
    """Wrap an application: a request with `KILL_HEADER` is executed, then the process kills itself before the response."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        async def kill(_message: Message) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        kills_itself = (KILL_HEADER.encode(), b"1") in scope.get("headers", ())
        if kills_itself:
            del scope["state"][WRITE_RESPONSE]  # then the response is sent through `kill`
        await app(scope, receive, kill if kills_itself else send)

    return served


class KillableBackend(Backend):
    """A backend whose devices are served by worker processes; this process creates accounts, copies and restores."""

    def __init__(self, settings: Settings, workers: int, rng: Random) -> None:
        """Take the settings; `open` starts this server and the workers."""
        super().__init__(settings)
        self._environment = os.environ | {
            f"AFTERGLOW_{name.upper()}": str(getattr(settings, name)) for name in SHARED_SETTINGS
        }
        self._ports = [free_port() for _ in range(workers)]
        self._workers: dict[int, subprocess.Popen[bytes]] = {}
        self._rng = rng
        self._is_calm = False
        self.kills = 0

    def open(self) -> None:
        """Start this server, and the workers."""
        super().open()
        for port in self._ports:
            self._start(port)

    def close(self) -> None:
        """Stop this server and kill the workers."""
        for worker in self._workers.values():
            worker.kill()
            worker.wait()
        super().close()

    @contextmanager
    def without_failures(self) -> Iterator[None]:
        """Kill no worker until the block ends."""
        self._is_calm = True
        yield
        self._is_calm = False

    def sign_in(self, account: UUID) -> Transport:
        """Sign in a new device; return the function that sends its requests, each to a random worker."""
        token = self.run(sign_in(self.services, account, "phone"))["access_token"]
        headers = {"Authorization": f"Bearer {token}"}

        def call(method: str, path: str, body: Json | None) -> tuple[int, Json]:
            port, chance = (
                self._rng.choice(self._ports),
                1.0 if self._is_calm or method == "GET" else self._rng.random(),
            )
            self._start(port)
            worker = self._workers[port]
            killing = Timer(self._rng.random() * MAX_KILL_DELAY, worker.kill)
            kills_itself, is_killed = chance < KILL_SHARE, KILL_SHARE <= chance < 2 * KILL_SHARE
            if is_killed:
                killing.start()
            try:
                url = f"http://127.0.0.1:{port}{path}"
                sent = headers | ({KILL_HEADER: "1"} if kills_itself else {})
                response = httpx.request(method, url, json=body, headers=sent, timeout=SECONDS, verify=False)
            except httpx.TransportError as error:
                if kills_itself or is_killed:
                    raise ConnectionError from error
                raise
            finally:
                if is_killed:
                    killing.join()
                if kills_itself or is_killed:
                    worker.wait(SECONDS)
            assert response.status_code < 500, response.text
            return response.status_code, response.json()

        return call

    def _start(self, port: int) -> None:
        """Start the worker of a port, if it does not run."""
        worker = self._workers.get(port)
        if worker is not None and worker.poll() is None:
            return
        self.kills += worker is not None and worker.returncode == -signal.SIGKILL
        command = [sys.executable, "-m", "tests.sync.killable_backend", str(port)]
        self._workers[port] = subprocess.Popen(
            command, env=self._environment, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + SECONDS
        while not is_alive(f"http://127.0.0.1:{port}"):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def _exit_with_parent(parent: int) -> None:
    """Exit when the parent process has ended."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    Thread(target=_exit_with_parent, args=(os.getppid(),), daemon=True).start()
    uvicorn.run(
        killable(create_app()),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http=LimitedProtocol,
        log_level="error",
        ws="none",
    )
