"""The docs pages in a browser: they are rendered without internet access, and "Try it out" signs in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from app.ids import new_id
from tests.browser import Visit, visiting
from tests.conftest import Servers
from tests.serving import PASSWORD, Person, Server
from tests.witness import DOCUMENT

OPERATIONS = {
    operation["operationId"]: operation for path in DOCUMENT.content["paths"].values() for operation in path.values()
}


@pytest.fixture
def docs_server(servers: Servers) -> Iterator[Server]:
    server = servers.shared("sqlite")
    yield server
    server.end_test()


@pytest.fixture
def visit() -> Iterator[Visit]:
    with visiting() as visit:
        yield visit


def operation(visit: Visit, name: str) -> Locator:
    """Return the block of an operation on the page."""
    return visit.page.locator(f".opblock[id$='-{name}']")


def try_out(visit: Visit, name: str, body: object = None) -> Locator:
    """Open an operation, execute it, and return the live response."""
    block = operation(visit, name)
    block.locator(".opblock-summary-control").click()
    if body is not None:
        block.locator("textarea.body-param__text").fill(json.dumps(body))
    block.locator("button.execute").click()
    response = block.locator(".live-responses-table tbody tr.response")
    expect(response).to_be_visible()
    return response


def sign_in(visit: Visit, person: Person) -> None:
    """Sign in on the page."""
    response = try_out(visit, "login", {"email": person.email, "password": PASSWORD})
    expect(response.locator(".response-col_status")).to_contain_text("200")


def locks(visit: Visit, state: str) -> Locator:
    """Return the locks with a state: `locked` means signed in."""
    return visit.page.locator(f"button.authorization__btn svg.{state}, button.authorization__btn.{state}")


def test_swagger_ui_shows_every_operation_without_requests_to_other_hosts(docs_server: Server, visit: Visit) -> None:
    visit.page.goto(f"{docs_server.url}/docs")
    expect(visit.page.locator(".opblock")).to_have_count(len(OPERATIONS))
    titles = visit.page.locator(".opblock-tag a.nostyle").all_inner_texts()
    assert titles == [tag["name"] for tag in DOCUMENT.content["tags"]]
    for name, documented in OPERATIONS.items():
        expect(operation(visit, name).locator(".opblock-summary-description")).to_have_text(documented["summary"])
    visit.page.get_by_placeholder("Filter by tag").fill("Intentions")
    expect(visit.page.locator(".opblock")).to_have_count(5)
    assert visit.hosts == {docs_server.url.removeprefix("http://")}
    assert not visit.troubles


def test_redoc_shows_every_operation_without_requests_to_other_hosts(docs_server: Server, visit: Visit) -> None:
    visit.page.goto(f"{docs_server.url}/redoc")
    for documented in OPERATIONS.values():
        expect(visit.page.locator("h2", has_text=documented["summary"]).first).to_be_attached()
    assert visit.hosts == {docs_server.url.removeprefix("http://")}
    assert not visit.troubles


def test_signing_in_by_try_it_out_closes_every_lock_and_signing_out_opens_them(
    docs_server: Server, visit: Visit, tmp_path: Path
) -> None:
    person = docs_server.person("alice")
    protected = sum(1 for documented in OPERATIONS.values() if documented["security"])
    visit.page.goto(f"{docs_server.url}/docs")
    expect(visit.page.locator(".opblock")).to_have_count(len(OPERATIONS))
    expect(locks(visit, "unlocked")).to_have_count(protected)
    sign_in(visit, person)
    expect(locks(visit, "locked")).to_have_count(protected)
    response = try_out(visit, "list_sessions")
    expect(response.locator(".response-col_status")).to_contain_text("200")
    expect(response).to_contain_text('"items": []')
    visit.page.screenshot(path=tmp_path / "signed-in.png", full_page=True)
    try_out(visit, "logout")
    expect(locks(visit, "unlocked")).to_have_count(protected)
    assert person.client.get("/v1/auth/devices").json()["items"][0]["current"]
    assert visit.hosts == {docs_server.url.removeprefix("http://")}
    assert not visit.troubles


def test_verifying_by_try_it_out_closes_every_lock(docs_server: Server, visit: Visit) -> None:
    email = f"newcomer.{new_id().hex}@example.com"
    visit.page.goto(f"{docs_server.url}/docs")
    response = try_out(visit, "register", {"email": email, "password": PASSWORD, "display_name": "wisteria"})
    expect(response.locator(".response-col_status")).to_contain_text("202")
    response = try_out(visit, "verify", {"email": email, "code": docs_server.mailbox.code_to(email)})
    expect(response.locator(".response-col_status")).to_contain_text("200")
    expect(locks(visit, "unlocked")).to_have_count(0)
    assert not visit.troubles
