"""The home page and the guide in a browser, on a desktop and on a phone."""

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser import Visit
from tests.serving import Server

PAGES = ("/", "/guide", "/docs", "/redoc")
PHONE = ViewportSize(width=390, height=844)


def links(page: Page, within: str) -> list[str]:
    """Return the URLs of the links in a part of the page."""
    return [str(each.evaluate("link => link.href")) for each in page.locator(f"{within} a").all()]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_links_to_the_others(docs_server: Server, visit: Visit, path: str) -> None:
    visit.page.goto(docs_server.url + path, wait_until="networkidle")
    names = ["", "guide", "docs", "redoc", "openapi.json"]
    assert links(visit.page, "nav.pages") == [f"{docs_server.url}/{name}" for name in names]
    assert visit.page.locator("nav.pages img").evaluate("image => image.naturalWidth") > 0


def test_every_link_of_the_home_page_works(docs_server: Server, visit: Visit) -> None:
    visit.page.goto(docs_server.url)
    for url in links(visit.page, "main"):
        assert docs_server.anyone.get(url).status_code == 200
    visit.page.get_by_role("link", name="Sign in", exact=True).click()
    expect(visit.page.locator(".opblock[id$='-login'] .opblock-body")).to_be_in_viewport()


def test_every_entry_of_the_contents_leads_to_its_chapter(docs_server: Server, visit: Visit) -> None:
    visit.page.goto(f"{docs_server.url}/guide")
    entries = visit.page.locator(".contents a")
    headings = visit.page.locator("main h2, main h3")
    assert entries.all_inner_texts() == headings.all_inner_texts()
    for entry, heading in zip(entries.all(), headings.all(), strict=True):
        entry.click()
        expect(heading).to_be_in_viewport()


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_wider_than_a_phone(docs_server: Server, visit: Visit, path: str) -> None:
    visit.page.set_viewport_size(PHONE)
    visit.page.goto(docs_server.url + path, wait_until="networkidle")
    expect(visit.page.locator("h1, h2").first).to_be_visible()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
