"""The supervisor: the process that starts the workers, and replaces workers that end.

It extends uvicorn's supervisor with three differences. If a worker cannot start, the others continue, and it is started
again after a pause. If no worker can start, the process ends with an exit status other than 0. If a worker ends during
its health check, it is replaced at once.
"""

import logging
import time
from typing import Final

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

MIN_PAUSE_SECONDS: Final = 1.0
MAX_PAUSE_SECONDS: Final = 30.0
"""The longest pause before a worker that could not start is started again.

The first pause is `MIN_PAUSE_SECONDS`, and each further pause is twice as long.
"""
_logger: Final = logging.getLogger("uvicorn.error")


class Supervisor(Multiprocess):
    """The supervisor, which keeps the configured number of workers running."""

    has_failed = False
    """Whether no worker could start."""
    _has_served = False
    _pause = MIN_PAUSE_SECONDS
    _start_at = 0.0

    def keep_subprocess_alive(self) -> None:
        """Replace each worker that has ended or does not answer. Stop if no worker can start."""
        for index, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if self._answers(process):
                self._note_success(process)
            elif process.exitcode != STARTUP_FAILURE:
                self._end(process)
                self._start(index)
            elif not self._has_served and all(each.exitcode is not None for each in self.processes):
                _logger.error("No worker can start.")
                self.has_failed = True
                self.should_exit.set()
            elif time.monotonic() >= self._start_at:
                self._end(process)
                self._start_at = time.monotonic() + self._pause
                self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
                self._start(index)

    def _answers(self, process: Process) -> bool:
        """Return whether a worker answers in time. If a signal has to be handled, return True without waiting longer.

        Repeat the health check every second, because a check does not notice that its worker has ended.
        """
        deadline = time.monotonic() + self.config.timeout_worker_healthcheck
        while process.process.is_alive() and time.monotonic() < deadline:
            if process.ping(timeout=1) or self.signal_queue:
                return True
        return False

    def _note_success(self, process: Process) -> None:
        if not self._has_served:
            self._has_served = process.is_ready(timeout=1)

    def _end(self, process: Process) -> None:
        process.kill()
        process.join()
        _logger.error("Worker process [%s] ended with status %s", process.pid, process.exitcode)

    def _start(self, index: int) -> None:
        self.processes[index] = Process(self.config, self.sockets)
        self.processes[index].start()
