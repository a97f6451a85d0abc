"""The docs page stays signed in: it keeps its tokens over a reload, refreshes them, and has one device."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Visit
from tests.docs.swagger import (
    expect_signed_in,
    expect_signed_out,
    expect_status,
    open_docs,
    sign_in,
    try_out,
)
from tests.serving import Person, Server
from tests.waiting import later, wait_until

KEY = "afterglow.sign-in"
EXPIRE = """key => {
  const tokens = JSON.parse(sessionStorage.getItem(key));
  sessionStorage.setItem(key, JSON.stringify({ ...tokens, expires_at: Date.now() + 5000 }));
}"""
"""Lets the page's access token expire in five seconds."""


def devices(person: Person) -> int:
    """Return how many devices are signed in, beside the test's own."""
    return len(person.client.get("/v1/auth/devices").json()["items"]) - 1


def refreshes(page: Page) -> list[int]:
    """Return a list to which the status of each later refresh is added."""
    found: list[int] = []
    page.on("response", lambda each: found.append(each.status) if each.url.endswith("/v1/auth/refresh") else None)
    return found


@pytest.fixture
def signed_in(docs_server: Server, visit: Visit, person: Person) -> Visit:
    open_docs(visit, docs_server.url)
    sign_in(visit, person)
    return visit


def test_a_reload_keeps_the_sign_in(signed_in: Visit, person: Person) -> None:
    signed_in.page.reload()
    expect_signed_in(signed_in)
    expect_status(try_out(signed_in, "get_me"), 200)
    assert devices(person) == 1


def test_another_tab_is_not_signed_in(signed_in: Visit, docs_server: Server) -> None:
    other = Visit(signed_in.page.context.new_page())
    open_docs(other, docs_server.url)
    expect_signed_out(other)
    assert not other.troubles


def test_a_token_that_expires_soon_is_refreshed_before_a_request(signed_in: Visit) -> None:
    statuses = refreshes(signed_in.page)
    signed_in.page.evaluate(EXPIRE, KEY)
    expect_status(try_out(signed_in, "get_me"), 200)
    assert statuses == [200]
    expect_signed_in(signed_in)


def test_an_expired_token_is_refreshed_and_the_request_repeated(
    signed_in: Visit, docs_server: Server, person: Person
) -> None:
    statuses = refreshes(signed_in.page)
    with signed_in.refused(401), later(minutes=11):
        expect_status(try_out(signed_in, "get_me"), 200)
        assert statuses == [200]
        expect_status(try_out(signed_in, "list_sessions"), 200)
    assert statuses == [200]
    assert docs_server.anyone.get("/v1/me").status_code == 401
    assert devices(person) == 1


def test_a_refreshed_token_survives_a_reload(signed_in: Visit) -> None:
    with signed_in.refused(401), later(minutes=11):
        expect_status(try_out(signed_in, "get_me"), 200)
        signed_in.page.reload()
        expect_signed_in(signed_in)
        expect_status(try_out(signed_in, "get_me"), 200)


def test_a_second_login_signs_the_first_device_out(signed_in: Visit, person: Person) -> None:
    before = signed_in.page.evaluate(f"sessionStorage.getItem('{KEY}')")
    sign_in(signed_in, person)
    assert signed_in.page.evaluate(f"sessionStorage.getItem('{KEY}')") != before
    wait_until(lambda: devices(person) == 1)
    expect_status(try_out(signed_in, "get_me"), 200)


def test_a_login_as_another_person_signs_the_first_out(signed_in: Visit, docs_server: Server, person: Person) -> None:
    other = docs_server.person("bob")
    sign_in(signed_in, other)
    expect(try_out(signed_in, "get_me")).to_contain_text(other.email)
    wait_until(lambda: devices(person) == 0)
    assert devices(other) == 1


def test_refreshing_by_try_it_out_uses_the_tokens_of_the_page(signed_in: Visit, person: Person) -> None:
    expect_status(try_out(signed_in, "refresh_tokens"), 200)
    expect_status(try_out(signed_in, "get_me"), 200)
    assert devices(person) == 1


def test_signing_out_in_the_dialog_signs_the_device_out(signed_in: Visit, person: Person) -> None:
    signed_in.page.locator(".scheme-container button.authorize").click()
    signed_in.page.locator(".modal-ux button", has_text="Logout").click()
    signed_in.page.locator(".modal-ux button", has_text="Close").first.click()
    expect_signed_out(signed_in)
    wait_until(lambda: devices(person) == 0)
    signed_in.page.reload()
    expect_signed_out(signed_in)


def test_a_sign_out_survives_a_reload(signed_in: Visit, person: Person) -> None:
    expect_status(try_out(signed_in, "logout"), 204)
    signed_in.page.reload()
    expect_signed_out(signed_in)
    assert devices(person) == 0


def test_a_device_that_was_signed_out_elsewhere_opens_the_locks(signed_in: Visit, person: Person) -> None:
    items = person.client.get("/v1/auth/devices").json()["items"]
    (other,) = (each["id"] for each in items if not each["current"])
    assert person.client.delete(f"/v1/auth/devices/{other}").status_code == 204
    with signed_in.refused(401, 401):  # the request and the refresh
        expect_status(try_out(signed_in, "get_me"), 401)
        expect_signed_out(signed_in)


def test_a_token_of_another_device_that_is_pasted_into_the_dialog_is_used(
    signed_in: Visit, docs_server: Server, person: Person
) -> None:
    other = docs_server.person("bob")
    signed_in.page.locator(".scheme-container button.authorize").click()
    signed_in.page.locator(".modal-ux button", has_text="Logout").click()
    form = signed_in.page.locator(".modal-ux form", has_text="AccessToken")
    form.locator("input").fill(other.token)
    form.locator("button[type=submit]").click()
    signed_in.page.locator(".modal-ux button", has_text="Close").first.click()
    expect(try_out(signed_in, "get_me")).to_contain_text(other.email)
    wait_until(lambda: devices(person) == 0)


def test_a_duplicated_tab_stays_signed_in_with_the_first(signed_in: Visit, docs_server: Server, person: Person) -> None:
    """A duplicated tab has a copy of the session storage, so that both refresh with the same token."""
    stored = signed_in.page.evaluate(f"sessionStorage.getItem('{KEY}')")
    other = Visit(signed_in.page.context.new_page())
    other.page.goto(docs_server.url)
    other.page.evaluate(f"stored => sessionStorage.setItem('{KEY}', stored)", stored)
    open_docs(other, docs_server.url)
    expect_signed_in(other)
    for minutes in (11, 22, 33):  # longer than a replaced refresh token is accepted
        with later(minutes=minutes), signed_in.refused(401):
            for each in (signed_in, other):
                expect_status(try_out(each, "get_me"), 200)
    assert not other.troubles
    assert devices(person) == 1
