"""The page with the metrics, read as Prometheus reads it."""

from dataclasses import dataclass

import httpx2 as httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from app.db.postgres.failures import REASONS as POSTGRES_REASONS
from app.db.sqlite.failures import REASONS as SQLITE_REASONS
from app.main import create_app
from app.metrics.counts import METHODS, NO_ROUTE, OTHER_METHOD
from app.metrics.page import BUCKETS, BUILD, COUNTERS, GAUGES, REQUESTS, WORKERS
from app.records.write.ops import OpOutcome
from app.settings import Settings
from app.snapshot import JOB_STATES
from tests.house.starting import free_port

FAMILIES = [BUILD, WORKERS, REQUESTS, *COUNTERS, *GAUGES]


@dataclass
class Page:
    """The text of the page, and its samples."""

    text: str
    samples: list[Sample]

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of a name that have these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == f"afterglow_{name}" and labels.items() <= sample.labels.items()
        )

    def counters(self) -> dict[tuple[object, ...], float]:
        """Return every value that must never go down."""
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for sample in self.samples
            if sample.name.endswith(("_total", "_bucket", "_count", "_sum"))
        }


class Metrics:
    """The metrics of a server that has the settings `for_server`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.for_server = {"metrics_port": str(self.port)}

    def read(self) -> Page:
        """Return the page now."""
        response = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=30, verify=False)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/plain")
        found = [*text_string_to_metric_families(response.text)]
        return Page(response.text, [sample for family in found for sample in family.samples])


def closed_sets() -> dict[str, set[str]]:
    """Return the values that each label may have."""
    routes = {getattr(route, "path_format", "") for route in create_app(Settings()).routes}
    return {
        "method": {*METHODS, OTHER_METHOD},
        "route": {*routes, NO_ROUTE},
        "status": {"0", *(str(status) for status in range(100, 600))},
        "le": {*BUCKETS},
        "outcome": {str(outcome) for outcome in OpOutcome},
        "kind": {"event-stream", "long-poll"},
        "state": {*JOB_STATES.values()},
        "reason": {*POSTGRES_REASONS, *SQLITE_REASONS},
        "version": {"0.1.0"},
    }
