"""The system's Chromium, headless, with a record of the hosts it sends requests to."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ABORTED = "net::ERR_ABORTED"
"""The failure of a request that its page ended."""
WAIT = 30_000
"""The longest wait for an element in milliseconds: the docs pages run large scripts."""


class Visit:
    """A page, the hosts of its requests, and its errors."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self.troubles: list[str] = []
        page.set_default_timeout(WAIT)
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url.removeprefix("blob:")).netloc))
        page.on("requestfailed", self._note_failure)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)

    @contextmanager
    def refused(self, *statuses: int) -> Iterator[None]:
        """Expect that exactly these statuses are answered in the block: the browser reports each as an error."""
        known = len(self.troubles)
        yield
        reported = [re.findall(r"status of (\d+)", trouble) for trouble in self.troubles[known:]]
        assert reported == [[str(status)] for status in statuses], self.troubles
        del self.troubles[known:]

    def _note_failure(self, request: Request) -> None:
        if request.failure != ABORTED:
            self.troubles.append(f"{request.url}: {request.failure}")


@contextmanager
def visiting() -> Iterator[Visit]:
    """Open a page in a new browser; expectations wait until they are met, up to a timeout."""
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield Visit(browser.new_context(viewport={"width": 1280, "height": 1000}).new_page())
        finally:
            browser.close()
