"""Snapshots of a worker's metrics: the counters since its start, and the current values of its gauges."""

import asyncio
from typing import Final

from app.jobs import Backlog
from app.metrics import Samples, Snapshot
from app.problems import Problem
from app.records.write.ops import OpOutcome
from app.services import Services

MAX_DATABASE_SECONDS: Final = 1.0
"""The maximum time that a snapshot waits for the database. After that, the snapshot omits the backlog of jobs."""
JOB_STATES: Final = {True: "due", False: "scheduled"}
"""The name of a job's state in the metrics, by whether the job is due."""


class Snapshots:
    """Takes snapshots of a worker's metrics."""

    def __init__(self, services: Services) -> None:
        """Take the worker's services."""
        self._services = services
        self._reading: asyncio.Task[dict[bool, Backlog]] | None = None

    def counters(self) -> Snapshot:
        """Return the counters only, without gauges and without the backlog of jobs."""
        services, counts = self._services, self._services.counts
        return {
            "requests": [
                ([method, route, str(status)], histogram.seconds, histogram.buckets)
                for (method, route, status), histogram in counts.requests.items()
            ],
            "counters": {
                "requests_shed": [([], services.limiter.shed)],
                "database_errors": [([reason], number) for reason, number in services.db.errors.items()],
                "sync_operations": [([outcome], counts.operations[outcome]) for outcome in OpOutcome],
            },
            "gauges": {},
            "shared": {},
        }

    async def snapshot(self) -> Snapshot:
        """Return the counters, the current gauges, and the backlog of jobs."""
        services = self._services
        limiter, use, passwords = services.limiter, services.db.pool_use, services.passwords
        gauges: dict[str, float] = {
            "requests_in_flight": limiter.in_flight,
            "in_flight_limit": limiter.limit,
            "database_pool_size": use.size,
            "database_pool_in_use": use.in_use,
            "database_pool_waiting": use.waiting,
            "password_hashes_running": passwords.running,
            "password_hashes_waiting": passwords.waiting,
            "jobs_running": services.jobs.running,
            "keyring_faults": int(services.keyring.file_error is not None),
        }
        waiting: list[tuple[list[str], float]] = [
            (["event-stream"], limiter.event_streams),
            (["long-poll"], limiter.long_polls),
        ]
        return {
            **self.counters(),
            "gauges": {"waiting_requests": waiting, **{name: [([], value)] for name, value in gauges.items()}},
            "shared": await self._backlog(),
        }

    async def _backlog(self) -> Samples:
        """Return the number of due and of scheduled jobs in the database, and the age of the oldest of each.

        Return an empty dictionary if the database fails or does not answer in `MAX_DATABASE_SECONDS`. A slow query is
        not cancelled, because that would close its connection. The next snapshot waits for it instead of sending
        another one.
        """
        if self._reading is None:
            self._reading = asyncio.create_task(self._services.jobs.backlog())
        await asyncio.wait([self._reading], timeout=MAX_DATABASE_SECONDS)
        if not self._reading.done():
            return {}
        reading, self._reading = self._reading, None
        try:
            backlog = reading.result()
        except Problem:
            return {}
        return {
            "jobs": [([JOB_STATES[is_due]], each.jobs) for is_due, each in backlog.items()],
            "jobs_oldest_age_seconds": [
                ([JOB_STATES[is_due]], each.oldest_seconds) for is_due, each in backlog.items()
            ],
        }
