"""Signals of a server process: ignores some, and stops a worker when its supervisor ends."""

import ctypes
import multiprocessing
import os
import signal
from contextlib import suppress
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
"""The option of prctl(2) that sets the signal a process gets when its parent ends."""
IGNORED: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that would end the process by default. A terminal that is closed sends SIGHUP to every process in it."""


def ignore_signals() -> None:
    """Ignore the signals `IGNORED`.

    Other servers read their configuration or reopen log files at these signals. This server needs neither: it watches
    its keyring, and writes no log files.
    """
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


def end_with_supervisor() -> None:
    """Stop this worker gracefully when its supervisor ends, even if the supervisor is killed.

    This works only on Linux.
    """
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor.pid:  # the supervisor has already ended
        signal.raise_signal(signal.SIGTERM)
