"""Every example is executed on the docs page of the demo, from top to bottom."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import FilePayload, Locator, Response, expect

from app import demo
from app.archive.format import MEDIA_TYPE
from tests.archive.packing import archive_of
from tests.browser import Visit
from tests.conftest import Servers
from tests.docs.swagger import OPERATIONS, operation
from tests.house.test_examples import REFUSED, REPEATED
from tests.serving import Server
from tests.witness import DOCUMENT

PATHS = {
    each["operationId"]: (method.upper(), re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))))
    for path, methods in DOCUMENT.content["paths"].items()
    for method, each in methods.items()
}
"""The method and the path of each operation."""
OF_CLIENTS = {name: 401 for name, each in OPERATIONS.items() if {"ClientToken": []} in each["security"]}
"""The page signs a person in; the token of a clinic's client is pasted."""
EXPECTED = {name: status for name, status in REFUSED.items() if name != "refresh_tokens"} | OF_CLIENTS
"""The statuses of the operations that are refused. To refresh, the page uses its own token instead of the example's."""


@pytest.fixture
def demo_server(servers: Servers) -> Iterator[Server]:
    settings = servers.settings("sqlite")
    asyncio.run(demo.create_demo(settings))
    server = servers.start(settings)
    yield server
    server.end_test()


def toggle(block: Locator) -> None:
    """Expand or collapse an operation at once: a click of the mouse would wait until the page does not move."""
    block.locator(".opblock-summary-control").evaluate("control => control.click()")


def execute(visit: Visit, name: str) -> int:
    """Execute the example of an operation, collapse it, and return the status."""
    block = operation(visit, name)
    toggle(block)
    if name == "import_archive":
        file = FilePayload(name="afterglow.zip", mimeType=MEDIA_TYPE, buffer=archive_of({}))
        block.locator("input[type=file]").set_input_files(file)
    method, path = PATHS[name]

    def is_answer(response: Response) -> bool:
        return response.request.method == method and path.fullmatch(urlsplit(response.url).path) is not None

    with visit.page.expect_response(is_answer) as answer:  # the page still shows the status of the former execution
        block.locator("button.execute").click()
    found = answer.value.status
    if name == "follow_changes":
        expect(block.locator(".event-stream pre")).to_contain_text("event: head")
        block.get_by_role("button", name="Stop").click()
    status = block.locator(".live-responses-table tbody tr.response .response-col_status")
    expect(status).to_contain_text(re.compile(f"^{found}"))
    toggle(block)
    return found


@contextmanager
def section(visit: Visit, tag: str) -> Iterator[None]:
    """Show the operations of one tag: the page takes five times as long for each step while it shows all."""
    header = visit.page.locator(f".opblock-tag[data-tag='{tag}']")
    header.click()
    yield
    header.click()


@pytest.mark.timeout(1200)
def test_every_example_can_be_executed_from_top_to_bottom_and_again(demo_server: Server, visit: Visit) -> None:
    visit.page.goto(f"{demo_server.url}/docs")
    expect(visit.page.locator(".opblock")).to_have_count(len(OPERATIONS))
    ids = [str(each.get_attribute("id")) for each in visit.page.locator(".opblock").all()]
    names = [next(name for name in OPERATIONS if id.endswith(f"-{name}")) for id in ids]
    assert sorted(names) == sorted(OPERATIONS)
    tags = [str(each.get_attribute("data-tag")) for each in visit.page.locator(".opblock-tag").all()]
    for header in visit.page.locator(".opblock-tag").all():
        header.click()
    expect(visit.page.locator(".opblock")).to_have_count(0)
    for refused in (EXPECTED, REPEATED | EXPECTED):
        found = {}
        for tag in tags:
            with section(visit, tag):
                for name in [name for name in names if OPERATIONS[name]["tags"] == [tag]]:
                    status = execute(visit, name)
                    if status >= 300:
                        found[name] = status
                    if name == "logout":
                        with section(visit, OPERATIONS["login"]["tags"][0]):
                            assert execute(visit, "login") == 200
        assert found == refused
        reported = [re.findall(r"status of (\d+)", trouble) for trouble in visit.troubles]
        assert sorted(reported) == sorted([str(status)] for status in refused.values())
        visit.troubles.clear()
