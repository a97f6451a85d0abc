"""Serving, and what goes before it."""

import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import orjson
import typer
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from app import demo, observability, starting
from app.cli.ending import UNSAFE, carried_out, fail, settings_now
from app.cli.listening import sockets
from app.db import schema
from app.http import Edge
from app.identity.passwords import at_once
from app.main import create_app
from app.settings import Environment, Settings

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
STARTING_SECONDS = 60
"""A worker that says nothing for so long is replaced; on a busy machine it needs more than uvicorn's 5 to start."""
STOPPING_SECONDS = 25
"""From SIGTERM to the end, whatever is still in hand then."""


def serve(
    *,
    demo_data: Annotated[
        bool, typer.Option("--demo", help="Plant one invented person's journey, and print how to sign in as them.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 means every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; more than one needs PostgreSQL.")] = 1,
) -> None:
    """Serve the API. In development the schema is brought up to date first."""
    settings = settings_now()
    wants_demo = demo_data or settings.demo
    if workers > 1 and settings.uses_sqlite:
        fail("SQLite serves one process: use --workers 1, or set AFTERGLOW_DATABASE_URL to a PostgreSQL database")
    reasons = starting.prepare(settings.model_copy(update={"demo": wants_demo}))
    if reasons:
        fail("not safe to start:\n" + "\n".join(f"- {reason}" for reason in reasons), UNSAFE)
    if not starting.can_listen(host, port):
        fail(f"cannot listen on {host}:{port}: it is in use, or not an address of this machine")
    work: list[Callable[[Settings], None]] = [
        *([_migrate] if settings.env is Environment.DEVELOPMENT else []),
        *([_plant] if wants_demo else []),
    ]
    if work:
        starting.apart(work, settings)
    if settings.serves_docs:
        typer.echo(f"Docs:     http://{f'[{host}]' if ':' in host else host}:{port}/docs")
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))  # uvicorn raises it again once all is served
    config = uvicorn.Config(
        "app.cli.serving:application",
        factory=True,
        host=host,
        port=port,
        http=Edge,
        workers=workers,
        log_config=observability.LOGGING,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_worker_healthcheck=STARTING_SECONDS,
        timeout_graceful_shutdown=STOPPING_SECONDS - settings.drains_for,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
    )
    os.environ["AFTERGLOW_HASH_THREADS"] = str(at_once(settings, workers))  # no worker knows how many there are
    with suppress(KeyboardInterrupt):
        run(config)


def run(config: uvicorn.Config) -> None:
    """Run one worker here, or several."""
    listeners = sockets(config.host, config.port)
    if config.workers > 1:
        Multiprocess(config, listeners).run()
    else:
        uvicorn.Server(config).run(listeners)


def application() -> FastAPI:
    """Return the application for a process that serves it and nothing else.

    What is loaded by now stays, so the garbage collector need not look it through again and again.
    """
    observability.LISTENERS.append(observability.printed)
    app = create_app()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    return app


def migrate() -> None:
    """Bring the database's schema up to date. Safe to run from several hosts at once."""
    _migrate(settings_now())
    typer.echo(f"The schema is at {schema.HEAD}.")


def openapi() -> None:
    """Print the OpenAPI document of the API."""
    typer.echo(orjson.dumps(create_app(settings_now()).openapi(), option=orjson.OPT_INDENT_2).decode())


def _migrate(settings: Settings) -> None:
    try:
        schema.migrate(settings.database_url, said=lambda line: typer.echo(f"Migrating {line}"))
    except schema.MigrationError as error:
        fail(str(error))


def _plant(settings: Settings) -> None:
    carried_out(demo.plant(settings))
    typer.echo(f"Demo:     {demo.EMAIL}\nPassword: {demo.PASSWORD}")
