"""The counters of a worker. They are plain numbers in dictionaries, because every request updates them."""

from bisect import bisect_left
from collections import Counter
from typing import Final

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of a histogram's buckets, in seconds. One more bucket counts the requests that took longer."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "other"
NO_ROUTE: Final = "-"
"""The route label of requests without a route: their path or host is unknown, or their path lacks the method."""


class Histogram:
    """The number of requests in each bucket of `BOUNDS`, and their total duration in seconds."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        """Start with empty buckets."""
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


class Counts:
    """The counters of one worker since its start."""

    def __init__(self) -> None:
        """Start at zero."""
        self.requests: dict[tuple[str, str, int], Histogram] = {}
        """The histograms of request durations by method, route and status."""
        self.operations: Counter[str] = Counter()
        """The number of operations in pushes, by outcome."""

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered. `route` must be a route's template, never a path as it was sent."""
        key = method if method in METHODS else OTHER_METHOD, route, status
        histogram = self.requests.get(key)
        if histogram is None:
            histogram = self.requests[key] = Histogram()
        histogram.buckets[bisect_left(BOUNDS, seconds)] += 1
        histogram.seconds += seconds
