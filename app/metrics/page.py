"""Serves the page with the metrics, in Prometheus's text format, on its own port.

Every label has a closed set of values: route templates, methods, statuses, and constants of the program. So no series
contains text that a person wrote or an id, and the number of series is limited.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from app.metrics.counts import BOUNDS
from app.metrics.workers import Labels, Workers


class Family(NamedTuple):
    """A metric: its name, its help text, and the names of its labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


COUNTERS: Final = (
    Family("requests_shed", "Requests refused with 503 because too many were in flight."),
    Family("database_errors", "Failures of the database, by reason; /readyz uses the same reasons.", ("reason",)),
    Family("sync_operations", "Operations in pushes, by outcome, such as a conflict.", ("outcome",)),
)
GAUGES: Final = (
    Family("requests_in_flight", "Requests that are being answered, without long polls and event streams."),
    Family("in_flight_limit", "Current maximum number of requests in flight."),
    Family("waiting_requests", "Open event streams and long polls.", ("kind",)),
    Family("database_pool_size", "Maximum number of database connections of the workers."),
    Family("database_pool_in_use", "Database connections in use."),
    Family("database_pool_waiting", "Callers that wait for a database connection."),
    Family("password_hashes_running", "Password hashes (Argon2) that are being computed."),
    Family("password_hashes_waiting", "Password hashes that wait for a free thread."),
    Family("keyring_faults", "Workers whose keyring file cannot be read, or can be read by others."),
    Family("jobs_running", "Jobs that the workers of this server are running."),
    Family("jobs", "Jobs in the database, by state: due, or scheduled, which includes running jobs.", ("state",)),
    Family("jobs_oldest_age_seconds", "Age of the oldest job in the database, by state.", ("state",)),
)
REQUESTS: Final = Family(
    "request_duration_seconds",
    "Duration of answered requests. The duration of a long poll includes its waiting time.",
    ("method", "route", "status"),
)
WORKERS: Final = Family("workers", "Worker processes that answered this scrape.")
BUILD: Final = Family("build_info", "The version of Afterglow.", ("version",))
BUCKETS: Final = [*(str(bound) for bound in BOUNDS), "+Inf"]


class WorkerCollector(Collector):
    """Reads the metrics of all workers at every scrape."""

    def __init__(self, workers: Workers) -> None:
        """Take the reader of the workers' metrics."""
        self._workers = workers

    def collect(self) -> Iterable[Metric]:
        """Yield every metric with the values of all workers, including metrics without values."""
        totals = self._workers.read()
        yield _simple(GaugeMetricFamily, BUILD, {(BUILD.name, (version("afterglow"),)): 1})
        yield _simple(GaugeMetricFamily, WORKERS, {(WORKERS.name, ()): totals.answered})
        requests = HistogramMetricFamily(_full_name(REQUESTS), REQUESTS.help, labels=REQUESTS.labels)
        for labels, (seconds, counted) in sorted(totals.requests.items()):
            requests.add_metric(labels, list(zip(BUCKETS, accumulate(counted), strict=True)), seconds)
        yield requests
        for family in COUNTERS:
            yield _simple(CounterMetricFamily, family, totals.counters)
        for family in GAUGES:
            yield _simple(GaugeMetricFamily, family, totals.gauges)


def _full_name(family: Family) -> str:
    return f"afterglow_{family.name}"


def _simple(
    kind: type[CounterMetricFamily | GaugeMetricFamily], family: Family, values: Mapping[tuple[str, Labels], float]
) -> Metric:
    """Return a counter or a gauge, depending on `kind`, with those of the `values` that are of this family."""
    metric = kind(_full_name(family), family.help, labels=family.labels)
    for (name, labels), value in sorted(values.items()):
        if name == family.name:
            metric.add_metric(labels, value)
    return metric


@contextmanager
def served_at(host: str, port: int) -> Iterator[Path]:
    """Serve the workers' metrics on a host and port inside the block. Yield the folder for the workers' sockets."""
    with tempfile.TemporaryDirectory(prefix="afterglow-metrics-", ignore_cleanup_errors=True) as folder:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(WorkerCollector(Workers(Path(folder))))
        server, thread = start_http_server(port, host, registry)
        try:
            yield Path(folder)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
