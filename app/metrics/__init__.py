"""Metrics: the counters and gauges of each worker, and one page with the metrics of all workers (decision 045)."""

from app.metrics.counts import Counts
from app.metrics.snapshots import Samples, Snapshot, serve_snapshots

__all__ = ["Counts", "Samples", "Snapshot", "serve_snapshots"]
