"""The contestants: small honest programs, each written the way its own documentation recommends, production settings on.

Each takes `DATABASE_URL`, `PORT`, `SECRET` and `DOCUMENT` (what it writes as every record's ready-made document) from
its environment. Peers are spared what only we promise: they believe a token's HS256 signature (the common FastAPI way
looks up its account besides, as its template does), keep no epochs and no field numbers, make no documents, and validate
no references. All write the same rows: the record, its change, the feed's head, in one transaction.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
_BIN: Final = Path(sys.executable).parent


@dataclass(frozen=True)
class Contestant:
    """One program: how it is started (`{port}` is where it listens, `{world}` a file of who there is), and what it can do."""

    name: str
    title: str
    command: tuple[str, ...]
    ours: bool = False
    plain: bool = False
    """Answers anything with the same few bytes: the ceiling, and the control."""
    floor: bool = False
    """Serves nobody: runs the statements in a loop of its own."""
    databases: tuple[str, ...] = ("postgresql", "sqlite")
    workers: int = 1
    """Processes that `{workers}` asks for; several have every core."""
    operations: tuple[str, ...] = ("get", "list", "post", "patch", "pull", "push")


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.bench.contestants.{name}")


def _django(urls: str) -> tuple[str, ...]:
    here = "tests.bench.contestants"
    options = (
        "--workers 1 --worker-class gthread --threads 16 --keep-alive 75 --log-level error --bind 127.0.0.1:{port} "
        f"--env DJANGO_SETTINGS_MODULE={here}.django_settings --env URLS={here}.{urls} {here}.django_wsgi:application"
    )
    return (str(_BIN / "gunicorn"), *options.split())


CONTESTANTS: Final = tuple(
    each
    for each in (
        Contestant("floor", "raw driver", (*_module("floor"), "{world}"), floor=True, databases=("postgresql",)),
        Contestant(
            "pool",
            "raw driver, its own pool",
            (*_module("floor"), "{world}", "pooled"),
            floor=True,
            databases=("postgresql",),
        ),
        Contestant("plaintext", "ASGI plaintext", _module("plaintext"), plain=True),
        Contestant(
            "afterglow",
            "Afterglow",
            (str(_BIN / "afterglow"), "serve", "--port", "{port}", "--workers", "{workers}"),
            ours=True,
        ),
        Contestant("common", "the common FastAPI way", _module("common")),
        Contestant("core", "FastAPI + Core + orjson", _module("core"), operations=("get", "list", "pull")),
        Contestant("litestar", "Litestar + advanced-alchemy", _module("litestar_alchemy")),
        Contestant("ninja", "django-ninja", _django("ninja_api")),
        Contestant("rest_framework", "Django REST framework", _django("rest_framework_api")),
        Contestant("fastify", "Fastify + pg", ("node", "server.js"), databases=("postgresql",)),
    )
    if shutil.which(each.command[0])
)
