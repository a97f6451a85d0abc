"""Cores, CPU time, memory, and child processes that are measured."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
CPU_CLOCK: Final = 2
"""What makes a process's number a clock of its processor time, to the nanosecond: see clock_getcpuclockid(3)."""
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
SECONDS: Final = 120
_cores = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = {_cores[0]}
LOAD_CORE: Final = {_cores[-1]}
EVERY_CORE: Final = SERVER_CORE | LOAD_CORE
"""Servers have a core to themselves; the load and the database share the other, where there is one."""


def pin(pid: int, cores: set[int]) -> None:
    """Restrict a process, and the processes that it starts, to these cores."""
    os.sched_setaffinity(pid, cores)


def tree(pid: int) -> Iterator[int]:
    """Return a process and its descendants."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from tree(int(child))


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and its descendants, including ended ones."""
    seconds = 0.0
    for each in tree(pid):
        with suppress(OSError):
            seconds += time.clock_gettime((~each << 3) | CPU_CLOCK)
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            seconds += sum(int(field) for field in fields[13:15]) / TICKS
    return seconds


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(
    command: list[str],
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    *,
    listens: bool = True,
    cores: set[int] = SERVER_CORE,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on these cores until the block ends; standard error goes to `log`. A program that is no server
    is used by its standard input and output.
    """
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            env=os.environ | environment,
            cwd=folder,
            stdin=nothing if listens else pipe,
            stdout=nothing if listens else pipe,
            stderr=said,
        )
    try:
        pin(process.pid, cores)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server accepts connections."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    message = f"nothing listens on {port}:\n{log.read_text()[-2000:]}"
    raise TimeoutError(message)
