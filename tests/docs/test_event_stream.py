"""The docs page shows the event stream while it is open."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import Visit
from tests.conftest import Servers
from tests.docs.swagger import expand, expect_status, open_docs, operation, sign_in, try_out
from tests.drafts import draft_of, resource_of
from tests.serving import Person, Server
from tests.waiting import wait_until

EVENTS = "/v1/sync/events"


def open_stream(visit: Visit, server: Server, person: Person) -> Locator:
    """Sign in, execute the operation, and return what shows its stream."""
    open_docs(visit, server.url)
    sign_in(visit, person)
    block = expand(visit, "follow_changes")
    block.locator("button.execute").click()
    panel = block.locator(".event-stream")
    expect(panel.locator("pre")).to_contain_text("event: head")
    return panel


@pytest.fixture
def panel(docs_server: Server, visit: Visit, person: Person) -> Locator:
    return open_stream(visit, docs_server, person)


def response(visit: Visit) -> Locator:
    return operation(visit, "follow_changes").locator(".live-responses-table tbody tr.response")


def test_the_page_shows_each_event_as_it_arrives(panel: Locator, visit: Visit, person: Person) -> None:
    for number in (2, 3):
        assert person.client.post("/v1/sessions", json=draft_of(resource_of("sessions"))).status_code == 201
        expect(panel.locator("pre")).to_contain_text(re.compile(rf"(event: head[\s\S]*){{{number}}}"))
    panel.get_by_role("button", name="Stop").click()
    expect(panel).to_have_count(0)
    expect_status(response(visit), 200)
    expect(response(visit)).to_contain_text("event: head")


def test_collapsing_the_operation_ends_the_stream(visit: Visit, servers: Servers) -> None:
    server = servers.shared("sqlite", max_waiting=1)
    person = server.person("alice")
    panel = open_stream(visit, server, person)
    assert person.client.get(EVENTS).status_code == 503
    operation(visit, "follow_changes").locator(".opblock-summary-control").click()
    expect(panel).to_have_count(0)
    wait_until(lambda: person.client.get(EVENTS).status_code == 200)
    server.end_test()


def test_a_stream_that_the_server_ends_is_shown_as_a_response(panel: Locator, visit: Visit, person: Person) -> None:
    assert person.client.post("/v1/auth/logout-all").status_code == 204
    expect(panel).to_have_count(0)
    expect(response(visit)).to_contain_text("event: head")


def test_without_a_sign_in_the_problem_is_shown(docs_server: Server, visit: Visit) -> None:
    open_docs(visit, docs_server.url)
    with visit.refused(401):
        expect_status(try_out(visit, "follow_changes"), 401)
