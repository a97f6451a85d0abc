"""The system's Chromium, headless, with a record of the hosts it sends requests to."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect, sync_playwright

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
        page.on("requestfailed", lambda request: self.troubles.append(request.url))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)


@contextmanager
def visiting() -> Iterator[Visit]:
    """Open a page in a new browser; expectations wait until they are met, up to a timeout."""
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield Visit(browser.new_page(viewport={"width": 1280, "height": 1000}))
        finally:
            browser.close()
