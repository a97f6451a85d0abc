"""The command line, as a test asks it: a command in this process, or a server in a process of its own."""

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

from typer.testing import CliRunner

from app.cli.commands import cli
from tests.house.starting import free_port, lives

AFTERGLOW = Path(sys.executable).with_name("afterglow")
PASSWORD = "wisteria by the gate"
SECONDS = 90


class Said(NamedTuple):
    """What a command said, and with which status it ended."""

    status: int
    out: str
    err: str


def afterglow(*arguments: str, given: str = "", **settings: str) -> Said:
    """Run a command in this process."""
    environment = {f"AFTERGLOW_{name.upper()}": value for name, value in settings.items()}
    result = CliRunner().invoke(cli, list(arguments), input=given, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def refused(said: Said, pattern: str, status: int = 1) -> None:
    """Expect one clear line that matches, and nothing else."""
    assert said.status == status
    assert said.out == ""
    assert re.fullmatch(rf"afterglow: {pattern}\n", said.err), said.err


@contextmanager
def running(*arguments: str, **settings: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Serve on a free port as a process of its own, and yield the address once it answers."""
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
        while not lives(url):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield url, process
    finally:
        with suppress(ProcessLookupError):  # the workers, too
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=SECONDS)


def ended(process: "subprocess.Popen[str]") -> Said:
    """Ask a process to stop, and return what it said."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=SECONDS)
    return Said(process.returncode, out, err)
