"""Serving, and what goes before it."""

import os
import signal
import sys
from contextlib import suppress
from typing import Annotated

import typer
import uvicorn
from uvicorn.supervisors import Multiprocess

from app import observability, starting
from app.cli.errors import EXIT_CONFIG, fail, load_settings
from app.cli.loading import loading
from app.server.sockets import sockets
from app.settings import Environment

cli = typer.Typer()
STARTING_SECONDS = 60
"""A worker that says nothing for so long is replaced; on a busy machine it needs more than uvicorn's 5 to start."""
STOPPING_SECONDS = 25
"""From SIGTERM to the end, whatever is still in hand then."""


@cli.command()
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
    settings = load_settings()
    wants_demo = demo_data or settings.demo
    if workers > 1 and settings.uses_sqlite:
        fail("SQLite serves one process: use --workers 1, or set AFTERGLOW_DATABASE_URL to a PostgreSQL database")
    reasons = starting.prepare(settings.model_copy(update={"demo": wants_demo}))
    if reasons:
        fail("not safe to start:\n" + "\n".join(f"- {reason}" for reason in reasons), EXIT_CONFIG)
    if not starting.can_listen(host, port):
        fail(f"cannot listen on {host}:{port}: it is in use (see --port), or not an address of this machine")
    if settings.env is Environment.DEVELOPMENT or wants_demo:
        with loading():
            from app.cli import preparing  # noqa: PLC0415 - several workers in production load all of it, this process none
        preparing.prepare(settings, wants_demo=wants_demo)
    if settings.serves_docs:
        typer.echo(f"Docs:     http://{f'[{host}]' if ':' in host else host}:{port}/docs")
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))  # uvicorn raises it again once all is served
    config = uvicorn.Config(
        "app.cli.worker:application",
        factory=True,
        host=host,
        port=port,
        http="app.cli.worker:LimitedProtocol",
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
    os.environ["AFTERGLOW_HASH_THREADS"] = str(settings.hashes_at_once(workers))  # no worker knows how many there are
    with suppress(KeyboardInterrupt):
        run(config)


def run(config: uvicorn.Config) -> None:
    """Run one worker here, or several."""
    listeners = sockets(config.host, config.port)
    if config.workers > 1:
        Multiprocess(config, listeners).run()
    else:
        uvicorn.Server(config).run(listeners)
