"""The contestants: small programs, each as the documentation of its framework recommends, with production settings.

Each reads `DATABASE_URL`, `PORT` and `SECRET` from its environment. The other frameworks do less than Afterglow: they verify
a token's HS256 signature (the common FastAPI way also reads its account, as its template does), keep no epochs, seal no
documents, and validate no references. All write the same rows in one transaction: the record, its change, and the head of
the feed.
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
    """A program: its command (`{port}` is its port, `{world}` a file with the people), and its operations."""

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
