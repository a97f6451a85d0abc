"""The docs pages in a browser: they are rendered without internet access, and "Try it out" signs in."""

import pytest
from playwright.sync_api import expect

from app.ids import new_id
from tests.browser import Visit
from tests.docs.swagger import (
    OPERATIONS,
    expand,
    expect_signed_in,
    expect_signed_out,
    expect_status,
    open_docs,
    operation,
    sign_in,
    try_out,
)
from tests.serving import PASSWORD, Person, Server
from tests.witness import DOCUMENT

LINE = 40
"""The most pixels of a problem's line in the responses of an operation."""
PROBLEMS = DOCUMENT.content["components"]["responses"]


def test_swagger_ui_shows_every_operation(docs_server: Server, visit: Visit) -> None:
    open_docs(visit, docs_server.url)
    titles = visit.page.locator(".opblock-tag a.nostyle").all_inner_texts()
    assert titles == [tag["name"] for tag in DOCUMENT.content["tags"]]
    for name, documented in OPERATIONS.items():
        expect(operation(visit, name).locator(".opblock-summary-description")).to_have_text(documented["summary"])


def test_redoc_shows_every_operation(docs_server: Server, visit: Visit) -> None:
    visit.page.goto(f"{docs_server.url}/redoc")
    for documented in OPERATIONS.values():
        expect(visit.page.locator("h2", has_text=documented["summary"]).first).to_be_attached()


@pytest.mark.parametrize("name", ["create_session", "change_session", "push_changes", "login"])
def test_each_documented_problem_is_one_line_that_explains_it(docs_server: Server, visit: Visit, name: str) -> None:
    open_docs(visit, docs_server.url)
    rows = expand(visit, name).locator(".responses-table .problem-response")
    refused = {status: each for status, each in OPERATIONS[name]["responses"].items() if "$ref" in each}
    expect(rows).to_have_count(len(refused))
    for row in rows.all():
        shared = PROBLEMS[refused[row.get_attribute("data-code") or ""]["$ref"].rpartition("/")[2]]
        (content,) = shared["content"].values()
        lines = row.locator(".response-col_description div")
        assert [line.locator("a").inner_text() for line in lines.all()] == [*content["examples"]]
        for line in lines.all():
            box = line.bounding_box()
            assert box is not None
            assert box["height"] < LINE
    with visit.page.context.expect_page() as opened:
        rows.first.locator("a").first.click()
    expect(opened.value.locator("body")).to_contain_text('"title"')


def test_signing_in_by_try_it_out_closes_every_lock_and_signing_out_opens_them(
    docs_server: Server, visit: Visit, person: Person
) -> None:
    open_docs(visit, docs_server.url)
    expect_signed_out(visit)
    sign_in(visit, person)
    response = try_out(visit, "list_sessions")
    expect_status(response, 200)
    expect(response).to_contain_text('"items": []')
    expect_status(try_out(visit, "logout"), 204)
    expect_signed_out(visit)
    assert [each["name"] for each in person.client.get("/v1/auth/devices").json()["items"]] == ["phone"]


def test_verifying_by_try_it_out_closes_every_lock(docs_server: Server, visit: Visit) -> None:
    email = f"newcomer.{new_id().hex}@example.com"
    open_docs(visit, docs_server.url)
    response = try_out(visit, "register", {"email": email, "password": PASSWORD, "display_name": "wisteria"})
    expect_status(response, 202)
    response = try_out(visit, "verify", {"email": email, "code": docs_server.mailbox.code_to(email)})
    expect_status(response, 200)
    expect_signed_in(visit)
