"""The docs page, as a tester sees it: drawn without internet, and signed in by "Try it out"."""

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
    """Return an operation's block on the page."""
    return visit.page.locator(f".opblock[id$='-{name}']")


def tried_out(visit: Visit, name: str, body: object = None) -> Locator:
    """Open an operation, send it, and return its live answer."""
    block = operation(visit, name)
    block.locator(".opblock-summary-control").click()
    if body is not None:
        block.locator("textarea.body-param__text").fill(json.dumps(body))
    block.locator("button.execute").click()
    answer = block.locator(".live-responses-table tbody tr.response")
    expect(answer).to_be_visible()
    return answer


def signed_in(visit: Visit, person: Person) -> None:
    """Sign in on the page."""
    answer = tried_out(visit, "login", {"email": person.email, "password": PASSWORD})
    expect(answer.locator(".response-col_status")).to_contain_text("200")


def locks(visit: Visit, state: str) -> Locator:
    """Return the locks of a state: `locked` is signed in."""
    return visit.page.locator(f"button.authorization__btn svg.{state}, button.authorization__btn.{state}")


def test_the_docs_page_draws_every_operation_and_asks_nobody_else(docs_server: Server, visit: Visit) -> None:
    visit.page.goto(f"{docs_server.url}/docs")
    expect(visit.page.locator(".opblock")).to_have_count(len(OPERATIONS))
    titles = visit.page.locator(".opblock-tag a.nostyle").all_inner_texts()
    assert titles == [tag["name"] for tag in DOCUMENT.content["tags"]]
    for name, told in OPERATIONS.items():
        expect(operation(visit, name).locator(".opblock-summary-description")).to_have_text(told["summary"])
    visit.page.get_by_placeholder("Filter by tag").fill("Intentions")
    expect(visit.page.locator(".opblock")).to_have_count(5)
    assert visit.hosts == {docs_server.url.removeprefix("http://")}
    assert not visit.troubles


def test_the_second_page_draws_every_operation_and_asks_nobody_else(docs_server: Server, visit: Visit) -> None:
    visit.page.goto(f"{docs_server.url}/redoc")
    for told in OPERATIONS.values():
        expect(visit.page.locator("h2", has_text=told["summary"]).first).to_be_attached()
    assert visit.hosts == {docs_server.url.removeprefix("http://")}
    assert not visit.troubles


def test_signing_in_by_try_it_out_closes_every_lock_and_signing_out_opens_them(
    docs_server: Server, visit: Visit, tmp_path: Path
) -> None:
    person = docs_server.person("alice")
    guarded = sum(1 for told in OPERATIONS.values() if told["security"])
    visit.page.goto(f"{docs_server.url}/docs")
    expect(visit.page.locator(".opblock")).to_have_count(len(OPERATIONS))
    expect(locks(visit, "unlocked")).to_have_count(guarded)
    signed_in(visit, person)
    expect(locks(visit, "locked")).to_have_count(guarded)
    answer = tried_out(visit, "list_sessions")
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer).to_contain_text('"items": []')
    visit.page.screenshot(path=tmp_path / "signed-in.png", full_page=True)
    tried_out(visit, "logout")
    expect(locks(visit, "unlocked")).to_have_count(guarded)
    assert person.client.get("/v1/auth/devices").json()["items"][0]["current"]
    assert visit.hosts == {docs_server.url.removeprefix("http://")}
    assert not visit.troubles


def test_verifying_by_try_it_out_closes_every_lock(docs_server: Server, visit: Visit) -> None:
    email = f"newcomer.{new_id().hex}@example.com"
    visit.page.goto(f"{docs_server.url}/docs")
    answer = tried_out(visit, "register", {"email": email, "password": PASSWORD, "display_name": "wisteria"})
    expect(answer.locator(".response-col_status")).to_contain_text("202")
    answer = tried_out(visit, "verify", {"email": email, "code": docs_server.mailbox.code_to(email)})
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(locks(visit, "unlocked")).to_have_count(0)
    assert not visit.troubles
