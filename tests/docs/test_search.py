"""Search: on the page of Swagger UI in all texts of operations and the guide, and on the page of ReDoc."""

import pytest
from playwright.sync_api import expect

from tests.browser import Visit
from tests.docs.swagger import OPERATIONS, open_docs, operation
from tests.serving import Server

SEARCH = "input[type=search]"
FOUND = {
    "conflict": ("push_changes", "Conflicts"),
    "offline": ("push_changes", "Syncing an app that works offline"),
    "refresh": ("refresh_tokens", "Refreshing tokens"),
    "If-Match": ("change_element", "Ten collections, five verbs"),
    "too-many-attempts": ("login", None),
    "DELETE /v1/sessions": ("remove_session", None),
}
"""The operation and the chapter of the guide that a phrase must find."""


@pytest.mark.parametrize("phrase", FOUND)
def test_the_docs_page_finds_operations_and_chapters(docs_server: Server, visit: Visit, phrase: str) -> None:
    name, chapter = FOUND[phrase]
    open_docs(visit, docs_server.url)
    visit.page.get_by_role("searchbox", name="Search").fill(phrase)
    expect(operation(visit, name)).to_be_visible()
    assert visit.page.locator(".opblock").count() < len(OPERATIONS)
    if chapter is not None:
        link = visit.page.locator(".chapters").get_by_role("link", name=chapter, exact=True)
        link.click()
        expect(visit.page.get_by_role("heading", name=chapter, exact=True)).to_be_in_viewport()


def test_the_name_of_a_tag_finds_its_operations_only(docs_server: Server, visit: Visit) -> None:
    open_docs(visit, docs_server.url)
    visit.page.get_by_role("searchbox", name="Search").fill("intentions")
    expect(visit.page.locator(".opblock")).to_have_count(6)


def test_an_emptied_search_shows_everything_again(docs_server: Server, visit: Visit) -> None:
    open_docs(visit, docs_server.url)
    field = visit.page.get_by_role("searchbox", name="Search")
    field.fill("no such words")
    expect(visit.page.locator(".opblock")).to_have_count(0)
    for phrase in ("  ", ""):
        field.fill(phrase)
        expect(visit.page.locator(".opblock")).to_have_count(len(OPERATIONS))
        expect(visit.page.locator(".chapters")).to_have_count(0)


@pytest.mark.parametrize(
    ("phrase", "title"), [("conflict", "Sync"), ("offline", "Sync"), ("refresh", "Refresh the tokens")]
)
def test_redoc_finds_operations(docs_server: Server, visit: Visit, phrase: str, title: str) -> None:
    visit.page.goto(f"{docs_server.url}/redoc")
    visit.page.locator("input[placeholder='Search...']").fill(phrase)
    expect(visit.page.locator("[data-role='search:results']")).to_contain_text(title)
