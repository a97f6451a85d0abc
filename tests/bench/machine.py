"""The machine: which core does what, what a process has cost so far, and programs that run while they are measured."""

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
    """Let a process, and whatever it starts from now on, run on these cores only."""
    os.sched_setaffinity(pid, cores)


def tree(pid: int) -> Iterator[int]:
    """Return a process and all that descend from it."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from tree(int(child))


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process and its descendants have used, those included that have ended."""
    seconds = 0.0
    for each in tree(pid):
        with suppress(OSError):
            seconds += time.clock_gettime((~each << 3) | CPU_CLOCK)
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            seconds += sum(int(field) for field in fields[13:15]) / TICKS
    return seconds


def resident_mib(pid: int) -> float:
    """Return the memory that a process holds, what it shares with others included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def free_port() -> int:
    """Return a port that nobody listens on."""
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
    """Run a program on these cores until the block ends; its errors go to `log`, and where it serves nobody, it
    is spoken to by its standard input and output.
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
    """Wait until the server takes connections."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    message = f"nothing listens on {port}:\n{log.read_text()[-2000:]}"
    raise TimeoutError(message)
