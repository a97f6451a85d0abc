"""Mortal servers: worker processes that are killed, with `kill -9`, between the commit and the answer.

    python -m tests.sync.mortal PORT        serves the application until it is killed

A request that carries `X-Die` is carried out, and committed; where its answer would begin, the process kills itself. Others
are killed from outside, at any moment. A worker that is dead is replaced, as a supervisor would.
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
from tests.sync.device import Transport
from tests.sync.notebook import Json
from tests.sync.world import World

DIE = "x-die"
SHARE = 0.1
"""Of the pushes: so many end their worker before the answer, and as many are cut short at any moment."""
LONGEST = 0.03
"""Seconds after which a worker is killed at the latest, from the sending of the request."""
SAME = ("database_url", "keyring", "pool_seconds", "statement_seconds")


def mortal(app: ASGIApp) -> ASGIApp:
    """Let an application's process die where the answer to a request that asks for it would begin."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        async def die(_message: Message) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        dies = (DIE.encode(), b"1") in scope.get("headers", ())
        if dies:
            del scope["state"][WRITE_RESPONSE]  # so that the response is sent through `die`
        await app(scope, receive, die if dies else send)

    return served


class MortalWorld(World):
    """A world whose phones are served by processes that die; accounts and backups are looked after from this one."""

    def __init__(self, settings: Settings, workers: int, rng: Random) -> None:
        """Take the settings; `open` starts the workers, too."""
        super().__init__(settings)
        self._environment = os.environ | {f"AFTERGLOW_{name.upper()}": str(getattr(settings, name)) for name in SAME}
        self._ports = [free_port() for _ in range(workers)]
        self._workers: dict[int, subprocess.Popen[bytes]] = {}
        self._rng = rng
        self._is_calm = False
        self.deaths = 0

    def open(self) -> None:
        """Start this server, and the workers."""
        super().open()
        for port in self._ports:
            self._start(port)

    def close(self) -> None:
        """Stop them all."""
        for worker in self._workers.values():
            worker.kill()
            worker.wait()
        super().close()

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Kill nobody until the block ends."""
        self._is_calm = True
        yield
        self._is_calm = False

    def sign_in(self, account: UUID) -> Transport:
        """Sign somebody in on a device, whose requests go to any of the workers."""
        token = self.run(sign_in(self.services, account, "phone"))["access_token"]
        headers = {"Authorization": f"Bearer {token}"}

        def call(method: str, path: str, body: Json | None) -> tuple[int, Json]:
            port, fate = self._rng.choice(self._ports), 1.0 if self._is_calm or method == "GET" else self._rng.random()
            self._start(port)
            worker = self._workers[port]
            killing = Timer(self._rng.random() * LONGEST, worker.kill)
            dies, is_killed = fate < SHARE, SHARE <= fate < 2 * SHARE
            if is_killed:
                killing.start()
            try:
                url = f"http://127.0.0.1:{port}{path}"
                sent = headers | ({DIE: "1"} if dies else {})
                response = httpx.request(method, url, json=body, headers=sent, timeout=SECONDS)
            except httpx.TransportError as error:
                if dies or is_killed:
                    raise ConnectionError from error
                raise
            finally:
                if is_killed:
                    killing.join()
                if dies or is_killed:
                    worker.wait(SECONDS)
            assert response.status_code < 500, response.text
            return response.status_code, response.json()

        return call

    def _start(self, port: int) -> None:
        """Start the worker of a port, unless it lives."""
        worker = self._workers.get(port)
        if worker is not None and worker.poll() is None:
            return
        self.deaths += worker is not None and worker.returncode == -signal.SIGKILL
        command = [sys.executable, "-m", "tests.sync.mortal", str(port)]
        self._workers[port] = subprocess.Popen(
            command, env=self._environment, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + SECONDS
        while not is_alive(f"http://127.0.0.1:{port}"):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def _end_with(parent: int) -> None:
    """Outlive nobody: end once the process that started this one is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    uvicorn.run(
        mortal(create_app()),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http=LimitedProtocol,
        log_level="error",
        ws="none",
    )
