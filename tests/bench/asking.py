"""A program for `tests.bench.checks`: reads one record repeatedly from an application in this process.

It runs with the code of any commit, so it uses nothing but the routes. For each line on its standard input it prints the
CPU time of a request in microseconds.
"""

import asyncio
import gc
import json
import logging
import sys
import tempfile
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from app import demo
from app.db import schema
from app.main import create_app
from app.settings import Settings

_MAKERS = ("app.keyring.rotation", "app.identity.key_rotation", "app.identity.keyring")
"""The modules with `create_keyring`, in this and in older trees."""
_DEMO_MAKERS = ("create_demo", "plant")
"""The functions that create the demo, in this and in older trees."""
REQUESTS = 1000


async def asked(app: Any, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> bytes:
    """Return the body of a response."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "client": ("127.0.0.1", 50000),
        "state": {},
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 200, sent
    return bytes(sent[1]["body"])


async def measured(settings: Settings) -> None:
    """Measure one round for each line of standard input."""
    app = create_app(settings)
    await next(getattr(demo, name) for name in _DEMO_MAKERS if hasattr(demo, name))(settings)
    async with app.router.lifespan_context(app):
        credentials = json.dumps({"email": demo.EMAIL, "password": demo.PASSWORD}).encode()
        typed = [(b"content-type", b"application/json")]
        token = json.loads(await asked(app, "POST", "/v1/auth/login", typed, credentials))["access_token"]
        bearer = [(b"accept", b"*/*"), (b"authorization", b"Bearer " + token.encode())]
        path = "/v1/intentions/" + json.loads(await asked(app, "GET", "/v1/intentions", bearer))["items"][0]["id"]
        print("ready", flush=True)
        for _ in sys.stdin:
            gc.collect()
            gc.disable()
            began = time.process_time()
            for _ in range(REQUESTS):
                await asked(app, "GET", path, bearer)
            print((time.process_time() - began) / REQUESTS * 1e6, flush=True)
            gc.enable()


def _created(keyring: Path) -> None:
    for name in _MAKERS:
        with suppress(ImportError):
            import_module(name).create_keyring(keyring, generated=True)
            return


if __name__ == "__main__":
    logging.getLogger("afterglow").addHandler(logging.NullHandler())
    logging.getLogger("afterglow").setLevel(logging.INFO)
    logging.getLogger("afterglow").propagate = False
    with tempfile.TemporaryDirectory() as folder:
        url, keyring = f"sqlite:///{folder}/world.db", Path(folder) / "keys.json"
        schema.migrate(url)
        _created(keyring)
        asyncio.run(measured(Settings(database_url=url, keyring=keyring)))
