"""Sums up the metrics of all workers, in the process that starts them.

Counters never go down, because the counters of ended workers are kept. If a worker is killed, its counts since the last
scrape are lost.
"""

import operator
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

import orjson

from app.metrics.counts import BOUNDS
from app.metrics.snapshots import LAST_COUNTERS, SOCKET, Samples, Snapshot

MAX_SECONDS: Final = 3.0
"""The seconds in which all workers together must answer. If one is late, the counters of its last answer are used."""
_CHUNK: Final = 65_536
Labels = tuple[str, ...]
Values = defaultdict[tuple[str, Labels], float]
"""The values of metrics by name and labels."""


@dataclass
class Totals:
    """The combined metrics of all workers: sums, but the highest value of each gauge that the workers share."""

    requests: dict[Labels, tuple[float, list[int]]] = field(default_factory=dict)
    """The total duration in seconds, and the number of requests in each bucket, by method, route and status."""
    counters: Values = field(default_factory=lambda: defaultdict(float))
    gauges: Values = field(default_factory=lambda: defaultdict(float))
    answered: int = 0
    """The number of workers that answered."""

    def add_counters(self, snapshot: Snapshot) -> None:
        """Add the values of a worker's counters to the totals of all workers."""
        for labels, seconds, buckets in snapshot["requests"]:
            before, counted = self.requests.get(tuple(labels), (0.0, [0] * (len(BOUNDS) + 1)))
            self.requests[tuple(labels)] = before + seconds, [sum(pair) for pair in zip(counted, buckets, strict=True)]
        _combine(self.counters, snapshot["counters"], operator.add)

    def add_gauges(self, snapshot: Snapshot) -> None:
        """Add the values of a worker's gauges to the totals of all workers, and count the worker in `answered`."""
        _combine(self.gauges, snapshot["gauges"], operator.add)
        _combine(self.gauges, snapshot["shared"], max)
        self.answered += 1


def _combine(values: Values, samples: Samples, combined: Callable[[float, float], float]) -> None:
    for family, found in samples.items():
        for labels, value in found:
            key = family, tuple(labels)
            values[key] = combined(values[key], float(value))


class Workers:
    """Reads the metrics of the workers whose sockets are in a folder."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the sockets."""
        self._folder = folder
        self._last: dict[str, Snapshot] = {}
        """The last answer of each worker that has not ended."""
        self._ended = Totals()
        """The summed counters of workers that have ended."""
        self._lock = Lock()

    def read(self) -> Totals:
        """Return the current metrics of all workers."""
        with self._lock:
            return self._read()

    def _read(self) -> Totals:
        names = {path.stem for path in self._folder.glob("*") if path.suffix in {SOCKET, LAST_COUNTERS}} | {*self._last}
        deadline = time.monotonic() + MAX_SECONDS
        connections = [(name, self._connect(name)) for name in sorted(names)]  # all first, so that they answer together
        answers = [(name, _receive(connection, deadline)) for name, connection in connections if connection is not None]
        totals = Totals(self._ended.requests.copy(), self._ended.counters.copy())
        for name, snapshot in answers:
            if snapshot is not None:
                self._last[name] = snapshot
                totals.add_gauges(snapshot)
        for snapshot in self._last.values():
            totals.add_counters(snapshot)
        return totals

    def _connect(self, name: str) -> socket.socket | None:
        """Return a connection to a worker. If the worker has ended, add its counters to `_ended`, and return None."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(MAX_SECONDS)
        try:
            connection.connect(str(self._folder / f"{name}{SOCKET}"))
        except (ConnectionRefusedError, FileNotFoundError):
            connection.close()
            self._end(name)
            return None
        except OSError:  # the worker accepts no connection now, so it is treated as late
            pass
        return connection

    def _end(self, name: str) -> None:
        """Add the counters of a worker that has ended to `_ended`, and delete the worker's files.

        The counters are read from the file that the worker wrote, or else from its last answer. A worker writes the
        file before it closes its socket, so the file exists when a connection is refused.
        """
        last = self._folder / f"{name}{LAST_COUNTERS}"
        snapshot = self._last.pop(name, None)
        if last.exists():
            snapshot = orjson.loads(last.read_bytes())
        if snapshot is not None:
            self._ended.add_counters(snapshot)
        last.unlink(missing_ok=True)
        (self._folder / f"{name}{SOCKET}").unlink(missing_ok=True)


def _receive(connection: socket.socket, deadline: float) -> Snapshot | None:
    """Return a worker's answer; None if the answer is late or not complete."""
    parts = []
    with connection:
        try:
            while True:
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                part = connection.recv(_CHUNK)
                if not part:
                    break
                parts.append(part)
            snapshot: Snapshot = orjson.loads(b"".join(parts))
        except (OSError, orjson.JSONDecodeError):
            return None
    return snapshot
