"""Signals of a server process: those that it ignores, and the one that it gets when its supervisor ends."""

import ctypes
import multiprocessing
import os
import signal
from contextlib import suppress
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
"""Of prctl(2)."""
IGNORED: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""By default they would end the process at once. A terminal that is closed sends SIGHUP to every process in it."""


def ignore_signals() -> None:
    """Ignore signals that have no meaning here: a changed keyring needs no signal, and logs are not in files."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


def end_with_supervisor() -> None:
    """Stop this worker gracefully when its supervisor ends, even if the supervisor is killed. Works on Linux only."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor.pid:  # the supervisor has already ended
        signal.raise_signal(signal.SIGTERM)
