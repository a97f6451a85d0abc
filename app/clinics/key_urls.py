"""A cache of the keys of clients that registered a URL (`jwks_uri`) instead of keys.

Each worker has its own cache. A worker fetches keys when it needs them, and uses them for the `max-age` of the
response. Then it fetches them again, so that a key that the clinic has removed is soon refused. A new key is accepted
at once: for an unknown `kid`, the worker fetches the keys early, at most once a minute for each URL, so that invalid
assertions cannot cause many requests.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Final

from app import observability
from app.clinics.keys import Jwk, KeySetError, usable_keys
from app.outbound import FetchError, Outbound, RefusedUrlError

DEFAULT_SECONDS: Final = 300
"""How long keys are used if the response has no `max-age`."""
MIN_SECONDS: Final = 1
MAX_SECONDS: Final = 3600
UNKNOWN_KID_SECONDS: Final = 60
"""The minimum time between two requests to a URL because of an unknown `kid`."""
RETRY_SECONDS: Final = 5
"""The minimum time between a failed request to a URL and the next one, if no keys of the URL are cached."""
_max_age = re.compile(r'max-age="?(\d{1,10})"?', re.ASCII | re.IGNORECASE).fullmatch


@dataclass(slots=True)
class _Kept:
    """The cached keys of a URL. They are used until `ends_at`.

    From `refetched_from` on, an unknown `kid` causes a request to the URL even before `ends_at`.
    """

    keys: list[Jwk]
    ends_at: float
    refetched_from: float


class KeyUrls:
    """The cache of the keys at clients' URLs."""

    def __init__(self, outbound: Outbound) -> None:
        """Start with an empty cache; `outbound` sends the requests."""
        self._outbound = outbound
        self._kept: dict[str, _Kept] = {}
        self._running: dict[str, asyncio.Task[_Kept]] = {}

    async def find(self, url: str, kid: object) -> list[Jwk]:
        """Return the keys with this `kid` at a URL, cached or fetched; an empty list if there are none."""
        kept, now = self._kept.get(url), time.time()
        if kept is None or now >= kept.ends_at:
            kept = await self._fetched(url)
        elif now >= kept.refetched_from and not _with(kid, kept):
            kept.refetched_from = now + UNKNOWN_KID_SECONDS
            kept = await self._fetched(url)
        return _with(kid, kept)

    async def _fetched(self, url: str) -> _Kept:
        """Fetch the keys at a URL, cache them and return them. Concurrent calls for a URL share one request."""
        running = self._running.get(url)
        if running is None:
            running = self._running[url] = asyncio.create_task(self._fetch(url))
            running.add_done_callback(lambda _: self._running.pop(url))
        return await asyncio.shield(running)  # the other callers wait for it even if this one is cancelled

    async def _fetch(self, url: str) -> _Kept:
        before = self._kept.get(url)
        try:
            response = await self._outbound.get(url)
            keys, seconds = usable_keys(response.body), _seconds(response.cache_control)
        except (RefusedUrlError, FetchError, KeySetError) as error:
            observability.log_event("keys-not-fetched", "warning", reason=str(error))
            return self._after_failure(url, before)
        now = time.time()
        kept = self._kept[url] = _Kept(keys, now + seconds, now if before is None else before.refetched_from)
        return kept

    def _after_failure(self, url: str, before: _Kept | None) -> _Kept:
        """Return the cached keys if they have not expired; otherwise cache an empty list until the next attempt."""
        now = time.time()
        if before is not None and now < before.ends_at:
            return before
        kept = self._kept[url] = _Kept([], now + RETRY_SECONDS, now + RETRY_SECONDS)
        return kept


def _with(kid: object, kept: _Kept) -> list[Jwk]:
    return [key for key in kept.keys if key["kid"] == kid]


def _seconds(cache_control: list[str]) -> int:
    """Return for how many seconds the keys are used, from the values of the response's header Cache-Control."""
    ages = [
        int(found[1])
        for value in cache_control
        for part in value.split(",")
        if (found := _max_age(part.strip())) is not None
    ]
    return min(max(min(ages, default=DEFAULT_SECONDS), MIN_SECONDS), MAX_SECONDS)
