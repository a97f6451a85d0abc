"""The command `afterglow serve`."""

import os
from importlib.metadata import version
from typing import Annotated, Final

import typer

from app import starting
from app.cli.errors import EXIT_CONFIG, fail, load_settings
from app.loading import loading
from app.server import workers as server
from app.settings import Environment, Settings
from migrations import HEAD

cli = typer.Typer()
_LOCAL: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listening on it is the operator's choice
"""The addresses of this machine that reach a server which listens on every network interface."""


@cli.command()
def serve(
    *,
    demo_data: Annotated[
        bool, typer.Option("--demo", help="Create an invented person's records, and print how to sign in.")
    ] = False,
    host: Annotated[
        str, typer.Option(help="IP address to listen on; 0.0.0.0 listens on every network interface.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes; more than one needs PostgreSQL.")] = 1,
) -> None:
    """Serve the API. In development, migrate the database first."""
    settings = load_settings()
    wants_demo = demo_data or settings.demo
    if workers > 1 and settings.uses_sqlite:
        fail(
            "SQLite serves one process: use --workers 1, or set AFTERGLOW_DATABASE_URL to a PostgreSQL database",
            EXIT_CONFIG,
        )
    reasons = starting.prepare(settings.model_copy(update={"demo": wants_demo}))
    if reasons:
        fail("not safe to start:\n" + "\n".join(f"- {reason}" for reason in reasons), EXIT_CONFIG)
    _check_ports(host, port, settings)
    if settings.env is Environment.DEVELOPMENT or wants_demo:
        with loading():
            from app.cli import preparing  # noqa: PLC0415 - in production, the process that starts workers does not need it
        local_url = _url(_LOCAL.get(host, host), port) + settings.root_path
        preparing.prepare(settings, local_url, wants_demo=wants_demo)
    else:
        starting.run_in_child([_check_library, _check_database], settings)
    database = "SQLite" if settings.uses_sqlite else "PostgreSQL"
    url = _url(host, port)
    typer.echo(f"Afterglow {version('afterglow')}, {settings.env}, {database}, schema {HEAD}: {url}")
    if settings.serves_docs:
        typer.echo(f"Docs:     {url}/docs")
    if settings.metrics_port is not None:
        typer.echo(f"Metrics:  {_url(settings.metrics_host, settings.metrics_port)}/metrics")
    # passed in the environment, because a worker does not know how many workers there are
    os.environ["AFTERGLOW_HASH_THREADS"] = str(settings.hashes_at_once(workers))
    server.run(
        "app.main:create_app",
        host=host,
        port=port,
        workers=workers,
        drain_seconds=settings.drains_for,
        keep_alive_seconds=settings.keep_alive_seconds,
        trusted_proxies=settings.forwarders,
        metrics_at=None if settings.metrics_port is None else (settings.metrics_host, settings.metrics_port),
    )


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _check_ports(host: str, port: int, settings: Settings) -> None:
    """Exit with an error line if the server cannot listen on the host and port of the API, or of the metrics."""
    obstacle = starting.why_not_listen(host, port)
    if obstacle is not None:
        fail(f"cannot listen on {host}:{port}: {obstacle}")
    if settings.metrics_port is None:
        return
    if settings.metrics_port == port:
        fail(f"AFTERGLOW_METRICS_PORT is {port}, the port of the API: choose another one", EXIT_CONFIG)
    obstacle = starting.why_not_listen(
        settings.metrics_host,
        settings.metrics_port,
        host_setting="AFTERGLOW_METRICS_HOST",
        port_setting="AFTERGLOW_METRICS_PORT",
    )
    if obstacle is not None:
        fail(f"cannot listen on {settings.metrics_host}:{settings.metrics_port} for metrics: {obstacle}")


def _check_database(settings: Settings) -> None:
    from app.cli.checking import check_database  # noqa: PLC0415 - only the child process needs it

    check_database(settings)


def _check_library(settings: Settings) -> None:
    from app.cli.checking import check_library  # noqa: PLC0415 - only the child process needs it

    check_library(settings)
