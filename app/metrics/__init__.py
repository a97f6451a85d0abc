"""Metrics: what each worker counts and measures, and how one page of all workers is made of it (decision 045)."""

from app.metrics.counts import Counts
from app.metrics.snapshots import Samples, Snapshot, answering_with

__all__ = ["Counts", "Samples", "Snapshot", "answering_with"]
