"""Runs the application in one or several worker processes."""

import gc
import resource
import signal
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from app import observability
from app.loading import loading
from app.server.signals import end_with_supervisor, ignore_signals
from app.server.sockets import listening_sockets
from app.server.supervisor import Supervisor

MAX_START_SECONDS: Final = 60
"""The time after which a worker that does not answer its supervisor is replaced. uvicorn's default of 5 is too short
for a worker to start on a busy machine."""
MAX_STOP_SECONDS: Final = 25
"""The maximum time from SIGTERM to the end of the process. Requests that are still in flight then are cancelled."""
ALLOCATIONS_PER_COLLECTION: Final = 50_000


class WorkerConfig(uvicorn.Config):
    """uvicorn's configuration, extended with the set-up of a worker process."""

    metrics_folder: Path | None = None
    """The folder for the sockets on which the workers report their metrics; None if metrics are not served."""

    def load(self) -> None:
        """Set up this worker process, and load the application.

        Log lines are written in batches. Signals that would end the worker are ignored, and the worker stops with its
        supervisor. Garbage is collected less often, because reference counts free most objects.
        """
        observability.SINKS.append(observability.enqueue)
        ignore_signals()
        end_with_supervisor()
        with loading():
            if self.metrics_folder is not None:
                self.app = partial(self.load_app(), metrics_folder=self.metrics_folder)
            super().load()
        gc.set_threshold(ALLOCATIONS_PER_COLLECTION)


def run(
    factory: str,
    *,
    host: str,
    port: int,
    workers: int,
    drain_seconds: int,
    keep_alive_seconds: int,
    trusted_proxies: list[str],
    metrics_at: tuple[str, int] | None = None,
) -> None:
    """Serve the application that `factory` ("module:function") creates, until a signal stops the process.

    The factory is passed by name, because with several workers this process does not load the application. If
    `metrics_at` is given, serve metrics at this host and port, and pass the factory a `metrics_folder`, in which each
    worker opens a socket to report its metrics.
    """
    config = WorkerConfig(
        factory,
        factory=True,
        host=host,
        port=port,
        http="app.server.protocol:LimitedProtocol",
        workers=workers,
        log_config=observability.LOGGING,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_worker_healthcheck=MAX_START_SECONDS,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=MAX_STOP_SECONDS - drain_seconds,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
    )
    prevent_core_dumps()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))  # uvicorn re-raises SIGTERM after its shutdown
    listeners = listening_sockets(host, port)
    with suppress(KeyboardInterrupt), _metrics(metrics_at) as config.metrics_folder:
        if workers > 1:
            supervisor = Supervisor(config, listeners)
            supervisor.run()
            if supervisor.has_failed:
                sys.exit(STARTUP_FAILURE)
        else:
            uvicorn.Server(config).run(listeners)


def prevent_core_dumps() -> None:
    """Prevent core dumps of this process and its workers, which would contain people's words and keys.

    The size limit of core dumps is set to 1 byte. With a limit of less than a memory page, Linux writes no core dump to
    a file. It still passes a dump to a program, such as systemd-coredump, unless the limit is exactly 1
    (`fs/coredump.c`).
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (min(1, most) if most != resource.RLIM_INFINITY else 1, most))


def _metrics(at: tuple[str, int] | None) -> AbstractContextManager[Path | None]:
    """Return a context manager that serves the workers' metrics and yields their folder; None if `at` is None."""
    if at is None:
        return nullcontext()
    with loading():
        from app.metrics.page import served_at  # noqa: PLC0415 - most servers do not need it
    return served_at(*at)
