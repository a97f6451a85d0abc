"""A command that asks a question at a terminal."""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from tests.house.commands import AFTERGLOW, SECONDS


def answer_at_terminal(command: Sequence[str], database_url: str, answer: str, **environment: str) -> tuple[int, str]:
    """Run a command at a terminal, and answer its question with y or n; return its status, and all that it showed."""
    controller, terminal = os.openpty()
    process = subprocess.Popen(
        [AFTERGLOW, *command],
        env=os.environ | {"AFTERGLOW_DATABASE_URL": database_url} | environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    while b"[y/N]: " not in shown:
        shown += os.read(controller, 1024)
    os.write(controller, f"{answer}\n".encode())
    with suppress(OSError):  # when the command has ended
        while True:
            shown += os.read(controller, 1024)
    os.close(controller)
    return process.wait(SECONDS), shown.decode()
