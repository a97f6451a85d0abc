"""What a person does on the page of Swagger UI."""

import json

from playwright.sync_api import Locator, expect

from tests.browser import Visit
from tests.serving import PASSWORD, Person
from tests.witness import DOCUMENT

OPERATIONS = {
    operation["operationId"]: operation for path in DOCUMENT.content["paths"].values() for operation in path.values()
}
PROTECTED = sum(1 for operation in OPERATIONS.values() if operation["security"])
"""The number of operations with a lock."""
OF_PERSONS = sum(1 for operation in OPERATIONS.values() if {"AccessToken": []} in operation["security"])
"""The number of those whose lock an access token closes."""


def open_docs(visit: Visit, url: str) -> None:
    """Open the page, and wait until it shows every operation."""
    visit.page.goto(f"{url}/docs")
    expect(visit.page.locator(".opblock")).to_have_count(len(OPERATIONS))


def operation(visit: Visit, name: str) -> Locator:
    """Return the block of an operation on the page."""
    return visit.page.locator(f".opblock[id$='-{name}']")


def expand(visit: Visit, name: str) -> Locator:
    """Expand an operation, if it is not expanded, and return its block."""
    block = operation(visit, name)
    if not block.locator(".opblock-body").count():
        block.locator(".opblock-summary-control").click()
    return block


def try_out(visit: Visit, name: str, body: object = None) -> Locator:
    """Execute an operation, and return the live response."""
    block = expand(visit, name)
    if body is not None:
        block.locator("textarea.body-param__text").fill(json.dumps(body))
    block.locator("button.execute").click()
    expect(block.locator(".loading-container")).to_have_count(0)
    response = block.locator(".live-responses-table tbody tr.response")
    expect(response).to_be_visible()
    return response


def expect_status(response: Locator, status: int) -> None:
    """Wait until the live response of an operation has a status."""
    expect(response.locator(".response-col_status")).to_contain_text(str(status))


def sign_in(visit: Visit, person: Person) -> None:
    """Sign in on the page."""
    expect_status(try_out(visit, "login", {"email": person.email, "password": PASSWORD}), 200)
    expect_signed_in(visit)


def locks(visit: Visit, state: str) -> Locator:
    """Return the locks with a state: `locked` means signed in."""
    return visit.page.locator(f"button.authorization__btn svg.{state}, button.authorization__btn.{state}")


def expect_signed_in(visit: Visit) -> None:
    """Wait until every lock is closed, except those of clinics' operations."""
    expect(locks(visit, "locked")).to_have_count(OF_PERSONS)


def expect_signed_out(visit: Visit) -> None:
    """Wait until every lock is open."""
    expect(locks(visit, "unlocked")).to_have_count(PROTECTED)
