"""Running commands: in the test's process, or a server in a new process."""

import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from typer.testing import CliRunner

from app.cli import progress
from app.cli.commands import cli
from tests.house.starting import free_port, is_alive

AFTERGLOW = Path(sys.executable).with_name("afterglow")
PASSWORD = "wisteria by the gate"
SECONDS = 90
"""The longest wait for a process."""
SECONDS_BETWEEN_LINES = math.inf
"""The time between two lines of progress: a command prints none, however slow the machine is."""


class Result(NamedTuple):
    """A command's exit status, standard output and standard error."""

    status: int
    out: str
    err: str


def afterglow(*arguments: str, stdin: str = "", **settings: str) -> Result:
    """Run a command in this process; `settings` are set as AFTERGLOW_… variables."""
    environment = {f"AFTERGLOW_{name.upper()}": value for name, value in settings.items()}
    with patch.object(progress, "SECONDS_BETWEEN_LINES", SECONDS_BETWEEN_LINES):
        result = CliRunner().invoke(cli, list(arguments), input=stdin, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


def assert_fails(result: Result, pattern: str, status: int = 1) -> None:
    """Check that a command failed with one error line that matches the pattern, and printed nothing else."""
    assert result.status == status
    assert result.out == ""
    assert re.fullmatch(rf"afterglow: {pattern}\n", result.err), result.err


def afterglow_process(*arguments: str, **settings: str) -> Result:
    """Run a command in a new process, which imports only what the command imports."""
    environment = os.environ | {f"AFTERGLOW_{name.upper()}": value for name, value in settings.items()}
    done = subprocess.run(
        [AFTERGLOW, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    return Result(done.returncode, done.stdout, done.stderr)


@contextmanager
def running_server(*arguments: str, **settings: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run `afterglow serve` in a new process on a free port; yield its URL and the process once it answers."""
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [AFTERGLOW, "serve", "--port", url.rpartition(":")[2], *arguments],
        env=os.environ | {f"AFTERGLOW_{name.upper()}": value for name, value in settings.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + SECONDS
        while not is_alive(url):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield url, process
    finally:
        with suppress(ProcessLookupError):  # also kills the workers
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=SECONDS)


def terminate(process: "subprocess.Popen[str]") -> Result:
    """Send SIGTERM to a process, wait for its end, and return its result."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=SECONDS)
    return Result(process.returncode, out, err)
